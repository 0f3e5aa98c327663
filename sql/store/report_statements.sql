-- purpose: what each statement did on some days, with the samples its baseline rests on (ns: whole nanoseconds, so that no sum depends on the order of rows)
-- minimum version: 14
WITH work AS (
    SELECT
        (h.hour AT TIME ZONE 'UTC')::date AS day, h.source::text AS source,
        h.queryid, h.userid::bigint AS userid, h.dbid::bigint AS dbid, h.toplevel,
        sum(h.calls)::bigint AS calls,
        coalesce(sum(h.intervals) FILTER (WHERE h.exact), 0)::bigint AS exact_intervals,
        sum((h.total_exec_time * 1e6)::bigint)::bigint AS exec_ns,
        sum((h.total_plan_time * 1e6)::bigint)::bigint AS plan_ns,
        CASE WHEN count(*) = count(h.exec_time_squares)
            THEN sum(least(h.exec_time_squares * 1e3, 1e15)::bigint) END AS squares
    FROM ledger.statements_hourly AS h
    WHERE h.target_id = %(target_id)s
        AND h.hour >= %(start)s::timestamptz AND h.hour < %(end)s::timestamptz
    GROUP BY 1, 2, 3, 4, 5, 6
), normal AS (
    SELECT b.day, b.queryid, b.userid, b.dbid, b.toplevel, max(b.samples)::bigint AS samples
    FROM perf_mgmt.statement_baselines AS b
    WHERE b.target_id = %(target_id)s AND b.day BETWEEN %(first)s::date AND %(last)s::date
        AND b.tier IN ('all', 'initial')
    GROUP BY 1, 2, 3, 4, 5
)
SELECT
    day, source, queryid, userid, dbid, toplevel, calls, exact_intervals,
    exec_ns, plan_ns, squares::double precision AS squares,
    coalesce(normal.samples, 0) AS baseline_samples,
    EXISTS (
        SELECT FROM ledger.statement_texts AS t
        JOIN ledger.query_texts AS q USING (text_hash)
        WHERE t.target_id = %(target_id)s AND t.queryid = work.queryid
            AND t.userid = work.userid AND t.dbid = work.dbid
            AND q.query = %(own_text)s
    ) AS own
FROM work
LEFT JOIN normal USING (day, queryid, userid, dbid, toplevel)
ORDER BY day, exec_ns DESC, queryid, userid, dbid, toplevel
