-- purpose: somebody signs in (M-10)
-- minimum version: 14
-- weight: 10
\set tenant random(1, :tenants)
\set user (:tenant - 1) * :users_per_tenant + random(1, :users_per_tenant)
SELECT id, full_name, role
FROM menuca.users
WHERE tenant_id = :tenant AND email = 'user' || :user || '@example.test' AND status = 'active';
