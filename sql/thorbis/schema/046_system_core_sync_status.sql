-- purpose: type system_core.sync_status: state of a run that exchanges data with another system
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE system_core.sync_status AS ENUM ('running', 'succeeded', 'failed');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
