-- purpose: type hs.work_order_status: life of a work order, in order
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE hs.work_order_status AS ENUM ('quoted', 'pending', 'scheduled', 'in_progress', 'completed', 'cancelled');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
