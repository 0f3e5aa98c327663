-- purpose: type menuca.order_status: life of an order, in order
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE menuca.order_status AS ENUM ('pending', 'confirmed', 'preparing', 'on_the_way', 'delivered', 'cancelled');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
