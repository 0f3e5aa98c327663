-- purpose: how many statements were called often in a window and slow on average, our own left out; samples are sweeps with an interval
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    CASE WHEN v.sweeps > 0 THEN n.statements END AS value,
    v.sweeps AS samples,
    NULL AS cause, '' AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
CROSS JOIN LATERAL (
    SELECT count(*) AS sweeps
    FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts > w.start AND s.ts <= w.as_of AND s.previous_ts IS NOT NULL
        -- where statements are not counted at all, no rows are no answer
        AND (s.statements_dealloc IS NOT NULL OR EXISTS (
            SELECT FROM ledger.statements AS r WHERE r.target_id = s.target_id AND r.ts = s.ts
        ))
) AS v
CROSS JOIN LATERAL (
    SELECT count(*) AS statements
    FROM (
        SELECT s.dbid, s.userid, s.queryid
        FROM ledger.statements AS s
        WHERE s.target_id = %(target_id)s AND s.ts > w.start AND s.ts <= w.as_of AND s.toplevel
        GROUP BY s.dbid, s.userid, s.queryid
        HAVING sum(s.calls) > %(more_calls)s AND sum(s.total_exec_time) > %(slow_ms)s * sum(s.calls)
    ) AS slow
    WHERE NOT EXISTS (
        SELECT FROM ledger.statement_texts AS t
        WHERE t.target_id = %(target_id)s AND t.dbid = slow.dbid AND t.userid = slow.userid
            AND t.queryid = slow.queryid AND t.text_hash = %(own_hash)s
    )
) AS n
