-- purpose: type tenant_mgmt.industry: the four verticals
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE tenant_mgmt.industry AS ENUM ('home_services', 'automotive', 'restaurant', 'retail');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
