-- purpose: what each statement did on each of some days (ns: whole nanoseconds, so that no sum depends on the order of rows)
-- minimum version: 14
SELECT
    d.day, d.source::text AS source, d.queryid, d.userid::bigint AS userid, d.dbid::bigint AS dbid, d.toplevel,
    d.calls, (d.total_exec_time * 1e6)::bigint AS exec_ns,
    least(d.exec_time_squares * 1e3, 1e15)::bigint AS squares,
    d.exact_calls, (d.exact_exec_time * 1e6)::bigint AS exact_ns
FROM ledger.statements_daily AS d
WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s::date AND %(last)s::date
ORDER BY d.day, exec_ns DESC, d.queryid, userid, dbid, d.toplevel
