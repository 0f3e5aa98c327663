-- purpose: type rest.order_status: life of an order, in order
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE rest.order_status AS ENUM ('placed', 'preparing', 'served', 'completed', 'cancelled');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
