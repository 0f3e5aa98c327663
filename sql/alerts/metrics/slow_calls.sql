-- purpose: calls a minute of statements whose mean between two sweeps was slow, our own left out; samples are sweeps with an interval
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    60.0 * sum(n.calls) / nullif(sum(extract(EPOCH FROM v.ts - v.previous_ts)), 0) AS value,
    count(v.previous_ts) AS samples,
    NULL AS cause, '' AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
JOIN ledger.sweeps AS v
    ON v.target_id = %(target_id)s AND v.ts > w.start AND v.ts <= w.as_of AND v.previous_ts IS NOT NULL
CROSS JOIN LATERAL (
    SELECT count(*) AS statements,
        coalesce(sum(s.calls) FILTER (WHERE s.total_exec_time > %(slow_ms)s * s.calls), 0) AS calls
    FROM ledger.statements AS s
    WHERE s.target_id = %(target_id)s AND s.ts = v.ts AND s.toplevel
        AND NOT EXISTS (
            SELECT FROM ledger.statement_texts AS t
            WHERE t.target_id = s.target_id AND t.dbid = s.dbid AND t.userid = s.userid
                AND t.queryid = s.queryid AND t.text_hash = %(own_hash)s
        )
) AS n
-- where statements are not counted at all, no rows are no answer
WHERE n.statements > 0 OR v.statements_dealloc IS NOT NULL
GROUP BY w.finish, w.as_of
