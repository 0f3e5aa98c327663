-- purpose: what a client address did, newest first
-- minimum version: 14
-- parameters: ip_address
SELECT event_type, success, created_at
FROM omninode.security_audit_log
WHERE client_info ? 'ip_address' AND left(client_info ->> 'ip_address', 64) = %(ip_address)s
ORDER BY created_at DESC
LIMIT 50
