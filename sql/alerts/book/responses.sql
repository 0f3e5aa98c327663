-- purpose: the answers of a target since an instant, the newest first
-- minimum version: 14
SELECT * FROM monitoring.alert_responses
WHERE (%(target)s::text IS NULL OR target = %(target)s) AND asked_at >= %(since)s
ORDER BY asked_at DESC, response_id DESC
LIMIT %(limit)s
