-- purpose: what the generators of retail load must know of the data; a step of NULL: ids are not evenly spaced
-- minimum version: 14
SELECT
    count(*)::bigint AS tenants,
    min(b.id) AS first_tenant,
    CASE
        WHEN count(*) = 1 THEN 1
        WHEN (max(b.id) - min(b.id)) % (count(*) - 1) = 0 THEN (max(b.id) - min(b.id)) / (count(*) - 1)
    END AS tenant_step
FROM tenant_mgmt.businesses AS b
WHERE b.industry = 'retail'
