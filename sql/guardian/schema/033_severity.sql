-- purpose: type guardian.severity: how grave, mildest first
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE guardian.severity AS ENUM ('mild', 'moderate', 'severe', 'life_threatening');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
