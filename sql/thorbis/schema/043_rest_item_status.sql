-- purpose: type rest.item_status: life of a line of an order, in order
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE rest.item_status AS ENUM ('pending', 'preparing', 'ready', 'served', 'cancelled');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
