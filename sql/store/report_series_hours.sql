-- purpose: mean execution time of some statements in each hour, from its exact intervals (ms)
-- minimum version: 14
SELECT
    h.queryid, h.userid::bigint AS userid, h.dbid::bigint AS dbid, h.toplevel, h.source::text AS source,
    h.hour AS ts, h.total_exec_time / h.calls AS value, h.calls
FROM ledger.statements_hourly AS h
WHERE h.target_id = %(target_id)s AND h.queryid = ANY (%(queryids)s::bigint [])
    AND h.hour >= %(start)s::timestamptz AND h.hour < %(end)s::timestamptz
    AND h.exact AND h.calls > 0
ORDER BY h.hour, source, h.queryid, userid, dbid, h.toplevel
