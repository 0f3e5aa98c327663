-- purpose: how many statements have a baseline on each day, and how many of them from that day on, for the events of their asset
-- minimum version: 14
SELECT
    day,
    pg_catalog.count(*) FILTER (WHERE since = day) AS rows,
    pg_catalog.count(*) AS statements
FROM perf_mgmt.baselines_in_force(%(target_id)s, %(first)s, %(last)s)
WHERE metric = 'mean_exec_time' AND tier IN ('all', 'initial')
GROUP BY day
ORDER BY day
