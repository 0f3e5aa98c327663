-- purpose: type rest.pos_kind: what a till does with an order
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE rest.pos_kind AS ENUM ('sale', 'refund');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
