-- purpose: type auto.repair_order_status: life of a repair, in order
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE auto.repair_order_status AS ENUM ('quoted', 'scheduled', 'in_progress', 'completed', 'cancelled');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
