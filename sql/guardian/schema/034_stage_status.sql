-- purpose: type guardian.stage_status: how far a stage of processing is
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE guardian.stage_status AS ENUM ('pending', 'running', 'done', 'failed');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
