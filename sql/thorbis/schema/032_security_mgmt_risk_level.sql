-- purpose: type security_mgmt.risk_level: rising order
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE security_mgmt.risk_level AS ENUM ('low', 'medium', 'high', 'critical');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
