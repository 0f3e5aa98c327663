-- purpose: failed sign-ins of the last day by minute
-- minimum version: 14
-- weight: 4
SELECT date_trunc('minute', created_at AT TIME ZONE 'UTC') AS minute, count(*) AS failures
FROM omninode.security_audit_log
WHERE event_type = 'sign_in'
  AND NOT success
  AND date_trunc('minute', created_at AT TIME ZONE 'UTC') >= (now() AT TIME ZONE 'UTC') - interval '1 day'
GROUP BY 1
ORDER BY 1;
