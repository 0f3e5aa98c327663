-- purpose: what the time of the given statements is made of, by hour, from exact intervals
-- minimum version: 14
SELECT userid, dbid, queryid, toplevel, hour, calls, total_exec_time, io_time, jit_time,
    total_plan_time, rows, shared_blks_read, shared_blks_hit + shared_blks_read, temp_blks
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND source::text = ANY (%(sources)s::text[]) AND hour >= %(start)s AND hour < %(end)s
    AND exact AND queryid = ANY (%(queryids)s::bigint[])
ORDER BY queryid, userid, dbid, toplevel, hour
