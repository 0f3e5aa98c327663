-- purpose: type ret.payment_status: state of a till transaction's payment
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE ret.payment_status AS ENUM ('pending', 'completed', 'refunded', 'failed');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
