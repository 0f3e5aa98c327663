-- purpose: what each statement did on some days (ns: whole nanoseconds, so that no sum depends on the order of rows); in no order
-- minimum version: 14
SELECT
    d.day, d.source::text AS source, d.queryid, d.userid::bigint AS userid,
    d.dbid::bigint AS dbid, d.toplevel, d.calls, d.exact_intervals::bigint AS exact_intervals,
    (d.total_exec_time * 1e6)::bigint AS exec_ns, (d.total_plan_time * 1e6)::bigint AS plan_ns,
    d.exec_time_squares * 1e3 AS squares
FROM ledger.statements_daily AS d
WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s::date AND %(last)s::date
