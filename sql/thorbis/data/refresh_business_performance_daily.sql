-- purpose: fills the daily figures of all tenants from what was generated
-- minimum version: 14
REFRESH MATERIALIZED VIEW analytics.business_performance_daily
