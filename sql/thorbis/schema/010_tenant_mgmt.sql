-- purpose: schema tenant_mgmt: tenants and what they subscribe to
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS tenant_mgmt;
COMMENT ON SCHEMA tenant_mgmt IS 'tenants and what they subscribe to';
