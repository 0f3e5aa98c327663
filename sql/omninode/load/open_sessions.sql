-- purpose: the open sessions of a service, newest first
-- minimum version: 14
-- weight: 4
\set service random(0, 4)
SELECT id, instance_id, session_start
FROM omninode.service_sessions
WHERE service_name = (ARRAY['intake', 'router', 'publisher', 'audit', 'metrics'])[:service::integer + 1]
  AND status = 'active'
ORDER BY created_at DESC
LIMIT 20;
