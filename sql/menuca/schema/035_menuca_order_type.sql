-- purpose: type menuca.order_type: how the guest gets the food
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE menuca.order_type AS ENUM ('delivery', 'pickup');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
