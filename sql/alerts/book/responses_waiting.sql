-- purpose: answers in some states with how their incidents stand, the oldest first
-- minimum version: 14
SELECT r.*, i.status AS incident_status
FROM monitoring.alert_responses AS r
LEFT JOIN monitoring.incidents AS i USING (incident_id)
WHERE r.target = ANY (%(targets)s::text[]) AND r.state = ANY (%(states)s::text[])
ORDER BY r.asked_at, r.response_id
LIMIT 100
