-- purpose: what the hourly rollup of each day holds, for the events of its asset
-- minimum version: 14
SELECT
    hour::date AS day,
    pg_catalog.count(*) AS rows,
    pg_catalog.count(DISTINCT (queryid, userid, dbid, toplevel)) AS statements,
    pg_catalog.sum(calls)::bigint AS calls,
    pg_catalog.sum(total_exec_time) AS execution_ms
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s
    AND hour >= %(first)s::date AND hour < %(last)s::date + 1
GROUP BY hour::date
ORDER BY day
