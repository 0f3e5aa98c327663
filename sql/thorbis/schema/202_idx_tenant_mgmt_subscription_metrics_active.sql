-- purpose: index idx_tenant_mgmt_subscription_metrics_active: a tenant's usage by day (T-11, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: tenant_mgmt.idx_tenant_mgmt_subscription_metrics_active
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_tenant_mgmt_subscription_metrics_active
    ON tenant_mgmt.subscription_metrics (business_id, metric_date);
