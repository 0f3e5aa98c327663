-- purpose: the busiest statements of some hours, in all of these hours, with all statements' time beside them; an hour is named by its end
-- minimum version: 14
WITH top AS MATERIALIZED (
    SELECT userid, dbid, queryid, hour, sum(calls)::bigint AS calls, sum(total_exec_time) AS total_ms
    FROM ledger.statements_hourly
    WHERE target_id = %(target_id)s AND source::text = ANY (%(sources)s::text[])
        AND hour >= %(start)s AND hour < %(end)s AND toplevel AND exact
    GROUP BY userid, dbid, queryid, hour
),
shared AS MATERIALIZED (
    SELECT *, sum(total_ms) OVER (PARTITION BY hour) AS all_ms FROM top
)
SELECT userid::bigint, dbid::bigint, queryid, hour + interval '1 hour' AS ts, calls, total_ms, all_ms
FROM shared
WHERE queryid IN (SELECT queryid FROM shared WHERE total_ms >= %(share)s * all_ms)
ORDER BY queryid, userid, dbid, hour
