-- purpose: what the generators of a load must know of the tenants; a step of NULL: ids are not evenly spaced
-- minimum version: 14
SELECT
    count(*)::bigint AS tenants,
    min(t.id) AS first_tenant,
    CASE
        WHEN count(*) = 1 THEN 1
        WHEN (max(t.id) - min(t.id)) %% (count(*) - 1) = 0 THEN (max(t.id) - min(t.id)) / (count(*) - 1)
    END AS tenant_step,
    (SELECT count(*) FROM menuca.users) / NULLIF(count(*), 0) AS customers_per_tenant
FROM menuca.tenants AS t
WHERE %(industry)s::text = 'restaurant'
