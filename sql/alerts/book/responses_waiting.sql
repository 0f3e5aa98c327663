-- purpose: answers in some states, the oldest first
-- minimum version: 14
SELECT * FROM monitoring.alert_responses
WHERE target = ANY (%(targets)s::text[]) AND state = ANY (%(states)s::text[])
ORDER BY asked_at, response_id
LIMIT 100
