-- purpose: type hs.invoice_status: state of a bill
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE hs.invoice_status AS ENUM ('draft', 'pending', 'overdue', 'paid', 'void');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
