-- purpose: type hs.payment_method: how a bill was paid
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE hs.payment_method AS ENUM ('card', 'bank_transfer', 'cash', 'cheque');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
