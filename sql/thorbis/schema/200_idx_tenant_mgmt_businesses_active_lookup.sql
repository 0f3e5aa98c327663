-- purpose: index idx_tenant_mgmt_businesses_active_lookup: active tenants by age (T-11; the id that led the key made it useless)
-- minimum version: 14
-- transaction: none
-- index: tenant_mgmt.idx_tenant_mgmt_businesses_active_lookup
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_tenant_mgmt_businesses_active_lookup
    ON tenant_mgmt.businesses (is_active, created_at)
    WHERE is_active;
