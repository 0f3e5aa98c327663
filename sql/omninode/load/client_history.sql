-- purpose: what a client address did lately
-- minimum version: 14
-- weight: 4
\set host random(1, 249)
SELECT event_type, success, created_at
FROM omninode.security_audit_log
WHERE client_info ? 'ip_address' AND left(client_info ->> 'ip_address', 64) = '10.0.0.' || :host::integer
ORDER BY created_at DESC
LIMIT 50;
