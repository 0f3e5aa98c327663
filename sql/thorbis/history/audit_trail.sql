-- purpose: security events of a tenant
-- minimum version: 14
-- mean ms: 2.6
-- calls per hour: 190
-- rows per call: 40
-- noise: 0.3
-- behaviour: noisy
SELECT event_type, user_id, created_at
FROM security_mgmt.audit_logs
WHERE business_id = $1 AND created_at >= $2
ORDER BY created_at DESC
LIMIT $3
