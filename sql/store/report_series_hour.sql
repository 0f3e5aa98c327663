-- purpose: mean execution time of one statement in each hour, from its exact intervals (ms)
-- minimum version: 14
SELECT h.hour, h.total_exec_time / h.calls AS mean_exec_time, h.calls
FROM ledger.statements_hourly AS h
WHERE h.target_id = %(target_id)s
    AND h.queryid = %(queryid)s AND h.userid = %(userid)s AND h.dbid = %(dbid)s
    AND h.toplevel = %(toplevel)s
    AND h.hour >= %(start)s::timestamptz AND h.hour < %(end)s::timestamptz
    AND h.source::text = ANY (%(sources)s::text[]) AND h.exact AND h.calls > 0
ORDER BY h.hour
