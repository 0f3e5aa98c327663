-- purpose: type tenant_mgmt.subscription_status: state of a subscription
-- minimum version: 14
DO $$
BEGIN
    CREATE TYPE tenant_mgmt.subscription_status AS ENUM ('trial', 'active', 'past_due', 'cancelled');
EXCEPTION
    WHEN duplicate_object THEN NULL;  -- CREATE TYPE knows no IF NOT EXISTS
END
$$;
