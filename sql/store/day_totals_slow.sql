-- purpose: how many slow statements each day has, for the events of their asset
-- minimum version: 14
SELECT
    day,
    pg_catalog.count(*) AS rows,
    pg_catalog.count(*) FILTER (WHERE watched) AS watched,
    pg_catalog.count(*) FILTER (
        WHERE watched AND state IN ('CRITICAL', 'WARNING', 'DEGRADED')
    ) AS slower,
    pg_catalog.count(*) FILTER (WHERE watched AND state = 'NO_BASELINE') AS no_baseline
FROM perf_mgmt.slow_queries
WHERE target_id = %(target_id)s AND day BETWEEN %(first)s AND %(last)s
GROUP BY day
ORDER BY day
