-- purpose: type menuca.user_role: what a person does in a tenant, rising in rights
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE menuca.user_role AS ENUM ('customer', 'staff', 'manager', 'owner');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
