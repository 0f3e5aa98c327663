-- purpose: the 20 longest ended sessions of a service
-- minimum version: 14
-- parameters: service_name
SELECT id, instance_id, session_start, EXTRACT(EPOCH FROM (session_end - session_start)) AS seconds
FROM omninode.service_sessions
WHERE service_name = %(service_name)s AND session_end IS NOT NULL
ORDER BY EXTRACT(EPOCH FROM (session_end - session_start)) DESC
LIMIT 20
