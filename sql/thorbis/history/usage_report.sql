-- purpose: what all tenants used, once a night
-- minimum version: 14
-- mean ms: 2400.0
-- calls per hour: 1
-- rows per call: 4
-- noise: 0.09
-- behaviour: nightly
SELECT b.industry, sum(m.api_calls), sum(m.storage_mb)
FROM tenant_mgmt.subscription_metrics AS m
JOIN tenant_mgmt.businesses AS b ON b.id = m.business_id
WHERE m.metric_date = CURRENT_DATE - $1::integer
GROUP BY b.industry
