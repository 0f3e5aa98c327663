-- purpose: index idx_tenant_mgmt_businesses_subscription_status: subscriptions that end soon (T-11)
-- minimum version: 14
-- transaction: none
-- index: tenant_mgmt.idx_tenant_mgmt_businesses_subscription_status
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_tenant_mgmt_businesses_subscription_status
    ON tenant_mgmt.businesses (subscription_status, subscription_expires_at)
    WHERE subscription_status IN ('active', 'trial');
