-- purpose: type menuca.restaurant_status: whether a restaurant takes orders
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE menuca.restaurant_status AS ENUM ('active', 'paused', 'closed');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
