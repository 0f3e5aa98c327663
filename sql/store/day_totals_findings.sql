-- purpose: what was found on each day, for the events of the findings' asset
-- minimum version: 14
SELECT
    day,
    pg_catalog.count(*) AS rows,
    pg_catalog.count(DISTINCT incident_id) AS incidents,
    pg_catalog.count(*) FILTER (WHERE severity = 'critical') AS critical,
    pg_catalog.count(*) FILTER (WHERE severity = 'warning') AS warning,
    pg_catalog.count(*) FILTER (WHERE severity = 'improvement') AS improvements
FROM perf_mgmt.findings
WHERE target_id = %(target_id)s AND day BETWEEN %(first)s AND %(last)s
GROUP BY day
ORDER BY day
