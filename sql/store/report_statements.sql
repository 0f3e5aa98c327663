-- purpose: what each statement did on some days, with the samples its baseline rests on (ns: whole nanoseconds, so that no sum depends on the order of rows)
-- minimum version: 14
WITH normal AS (
    SELECT
        b.day, b.day - extract(isodow FROM b.day)::integer AS week,
        min(b.day) OVER (
            PARTITION BY b.queryid, b.userid, b.dbid, b.toplevel
            ORDER BY b.day GROUPS BETWEEN 1 FOLLOWING AND 1 FOLLOWING
        ) AS next_day,
        b.queryid, b.userid, b.dbid, b.toplevel, b.samples::bigint AS samples
    FROM perf_mgmt.statement_baselines AS b
    WHERE b.target_id = %(target_id)s
        AND b.day BETWEEN %(first)s::date - 6 AND %(last)s::date
        AND b.metric = 'mean_exec_time' AND b.tier IN ('all', 'initial')
), own AS (
    SELECT t.queryid, t.userid, t.dbid
    FROM ledger.statement_texts AS t
    JOIN ledger.query_texts AS q USING (text_hash)
    WHERE t.target_id = %(target_id)s AND q.query = %(own_text)s
)
SELECT
    d.day, d.source::text AS source, d.queryid, d.userid::bigint AS userid,
    d.dbid::bigint AS dbid, d.toplevel, d.calls, d.exact_intervals::bigint AS exact_intervals,
    (d.total_exec_time * 1e6)::bigint AS exec_ns, (d.total_plan_time * 1e6)::bigint AS plan_ns,
    d.exec_time_squares * 1e3 AS squares,
    coalesce(n.samples, 0) AS baseline_samples,
    own.queryid IS NOT NULL AS own
FROM ledger.statements_daily AS d
LEFT JOIN normal AS n
    ON n.queryid = d.queryid AND n.userid = d.userid::bigint AND n.dbid = d.dbid::bigint
    AND n.toplevel = d.toplevel AND n.week = d.day - extract(isodow FROM d.day)::integer
    AND n.day <= d.day AND (n.next_day IS NULL OR d.day < n.next_day)
LEFT JOIN own
    ON own.queryid = d.queryid AND own.userid = d.userid::bigint AND own.dbid = d.dbid::bigint
WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(first)s::date AND %(last)s::date
ORDER BY d.day, exec_ns DESC, d.queryid, d.userid, d.dbid, d.toplevel
