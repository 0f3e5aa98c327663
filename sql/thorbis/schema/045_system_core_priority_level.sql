-- purpose: type system_core.priority_level: rising order, so ORDER BY ... DESC puts urgent first
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE system_core.priority_level AS ENUM ('low', 'normal', 'high', 'urgent');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
