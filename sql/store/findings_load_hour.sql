-- purpose: what some statements did in some hours; an hour is named by its end
-- minimum version: 14
SELECT queryid, hour + interval '1 hour' AS ts, sum(calls)::bigint AS calls, sum(total_exec_time) AS total_ms
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND source::text = ANY (%(sources)s::text[])
    AND hour = ANY (%(hours)s::timestamptz[]) AND toplevel AND exact
    AND queryid = ANY (%(queryids)s::bigint[])
GROUP BY queryid, hour
ORDER BY hour, queryid
