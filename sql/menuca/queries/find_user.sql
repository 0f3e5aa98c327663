-- purpose: the active account with an address (M-10)
-- minimum version: 14
-- parameters: tenant_id, email
SELECT id, tenant_id, full_name, role
FROM menuca.users
WHERE tenant_id = %(tenant_id)s
  AND email = %(email)s
  AND status = 'active'
