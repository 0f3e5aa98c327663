-- purpose: milliseconds that top-level statements took on average in a window, our own left out; samples are calls
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    sum(s.total_exec_time) / nullif(sum(s.calls), 0) AS value,
    sum(s.calls) AS samples,
    NULL AS cause, '' AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
JOIN ledger.statements AS s
    ON s.target_id = %(target_id)s AND s.ts > w.start AND s.ts <= w.as_of
WHERE s.toplevel AND s.calls > 0
    AND NOT EXISTS (
        SELECT FROM ledger.statement_texts AS t
        WHERE t.target_id = s.target_id AND t.dbid = s.dbid AND t.userid = s.userid
            AND t.queryid = s.queryid AND t.text_hash = %(own_hash)s
    )
GROUP BY w.finish, w.as_of
