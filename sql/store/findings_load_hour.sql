-- purpose: what the busier statements of some days did in some of their hours; an hour is named by its end
-- minimum version: 14
WITH busy AS MATERIALIZED (
    SELECT DISTINCT queryid
    FROM (
        SELECT queryid, total_exec_time, sum(total_exec_time) OVER (PARTITION BY day) AS all_ms
        FROM ledger.statements_daily
        WHERE target_id = %(target_id)s AND source::text = ANY (%(sources)s::text[])
            AND day = ANY (%(days)s::date[]) AND toplevel
    ) AS d
    WHERE total_exec_time >= %(share)s::double precision * all_ms
)
SELECT queryid, hour + interval '1 hour' AS ts, sum(calls)::bigint AS calls, sum(total_exec_time) AS total_ms
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND source::text = ANY (%(sources)s::text[])
    AND hour = ANY (%(hours)s::timestamptz[]) AND toplevel AND exact
    AND queryid IN (SELECT queryid FROM busy)
GROUP BY queryid, hour
ORDER BY queryid, hour
