-- purpose: execution time by hour of some statements of a target
-- minimum version: 14
SELECT
    h.queryid, h.userid, h.dbid, h.toplevel, h.source::text AS source,
    h.hour, (h.total_exec_time * 1e6)::bigint AS exec_ns
FROM ledger.statements_hourly AS h
WHERE h.target_id = %(target_id)s
    AND h.hour >= %(start)s::timestamptz AND h.hour < %(end)s::timestamptz
    AND h.queryid = ANY (%(queryids)s::bigint [])
ORDER BY h.hour, h.queryid, h.userid, h.dbid, h.toplevel
