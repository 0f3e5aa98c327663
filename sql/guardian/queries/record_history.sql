-- purpose: what became of a record over all years, newest first
-- minimum version: 14
-- parameters: table_name, record_id
SELECT operation, reason, changed_by, changed_at
FROM guardian.audit_log
WHERE table_name = %(table_name)s AND record_id = %(record_id)s
ORDER BY changed_at DESC
LIMIT 50
