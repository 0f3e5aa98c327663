-- purpose: mean execution time per statement and hour, from the exact intervals of sources alike
-- minimum version: 14
SELECT userid, dbid, queryid, toplevel, hour, hour, hour + interval '1 hour', calls, total_exec_time
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND source::text = ANY (%(sources)s::text[]) AND hour >= %(start)s AND hour < %(end)s
    AND exact AND calls > 0
    AND (%(queryids)s::bigint[] IS NULL OR queryid = ANY (%(queryids)s::bigint[]))
ORDER BY queryid, userid, dbid, toplevel, hour
