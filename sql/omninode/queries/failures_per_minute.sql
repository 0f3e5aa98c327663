-- purpose: failures of a kind by UTC minute since a moment, to see attacks
-- minimum version: 14
-- parameters: event_type, since (timestamp without time zone)
SELECT date_trunc('minute', created_at AT TIME ZONE 'UTC') AS minute, count(*) AS failures
FROM omninode.security_audit_log
WHERE event_type = %(event_type)s
  AND NOT success
  AND date_trunc('minute', created_at AT TIME ZONE 'UTC') >= %(since)s::timestamp
GROUP BY 1
ORDER BY 1
