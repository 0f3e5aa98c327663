-- purpose: a guest or one of the staff signs in
-- minimum version: 14
-- kind: read
-- parameters: random_tenant, random_customer
SELECT id, full_name, role
FROM menuca.users
WHERE tenant_id = :random_tenant
  AND email = 'user' || :random_customer::bigint || '@example.test'
  AND status = 'active';
