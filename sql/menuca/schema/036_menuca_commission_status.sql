-- purpose: type menuca.commission_status: life of a commission, in order
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE menuca.commission_status AS ENUM ('calculated', 'invoiced', 'paid');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
