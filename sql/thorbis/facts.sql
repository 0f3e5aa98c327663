-- purpose: what the generators of an industry's load must know of its tenants; a step of NULL: ids are not evenly spaced
-- minimum version: 14
SELECT
    count(*)::bigint AS tenants,
    min(b.id) AS first_tenant,
    CASE
        WHEN count(*) = 1 THEN 1
        WHEN (max(b.id) - min(b.id)) %% (count(*) - 1) = 0 THEN (max(b.id) - min(b.id)) / (count(*) - 1)
    END AS tenant_step,
    CASE %(industry)s::text
        WHEN 'home_services' THEN (SELECT count(*) FROM hs.customers)
        WHEN 'automotive' THEN (SELECT count(*) FROM auto.vehicles)
        WHEN 'restaurant' THEN (SELECT count(*) FROM rest.customers)
    END / NULLIF(count(*), 0) AS customers_per_tenant
FROM tenant_mgmt.businesses AS b
WHERE b.industry::text = %(industry)s::text
