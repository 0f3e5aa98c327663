-- purpose: the tenant's record since an instant, oldest first (M-38, M-40)
-- minimum version: 14
-- parameters: tenant_id, since
SELECT id, user_id, action, table_name, record_id, created_at
FROM menuca.audit_logs
WHERE tenant_id = %(tenant_id)s AND created_at >= %(since)s
ORDER BY created_at, id
