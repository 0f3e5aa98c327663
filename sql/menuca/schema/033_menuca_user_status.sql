-- purpose: type menuca.user_status: state of an account
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE menuca.user_status AS ENUM ('active', 'suspended', 'deleted');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
