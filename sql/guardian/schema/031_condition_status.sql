-- purpose: type guardian.condition_status: whether a condition lasts
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE guardian.condition_status AS ENUM ('active', 'chronic', 'resolved');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
