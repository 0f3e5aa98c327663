-- purpose: what the baselines of each day hold, for the events of their asset
-- minimum version: 14
SELECT
    day,
    pg_catalog.count(*) AS rows,
    pg_catalog.count(DISTINCT (queryid, userid, dbid, toplevel)) AS statements
FROM perf_mgmt.statement_baselines
WHERE target_id = %(target_id)s AND day BETWEEN %(first)s AND %(last)s
GROUP BY day
ORDER BY day
