-- purpose: type guardian.medication_status: whether a medication is taken
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE guardian.medication_status AS ENUM ('active', 'on_hold', 'completed', 'stopped');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
