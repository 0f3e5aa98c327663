-- purpose: type omninode.session_status: the life of a service session
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE omninode.session_status AS ENUM ('active', 'ended', 'failed');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
