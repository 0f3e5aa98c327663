-- purpose: type guardian.allergy_status: whether an allergy lasts
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE guardian.allergy_status AS ENUM ('active', 'resolved');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
