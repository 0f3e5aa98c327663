-- purpose: the most client sessions at work at one sweep of a window; absent where states are hidden from us
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    max(n.value) AS value, count(n.value) AS samples, NULL AS cause, '' AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(a.backend_type <> '') THEN
        coalesce(sum(a.sessions) FILTER (
            WHERE a.backend_type = 'client backend' AND a.state IN ('active', 'fastpath function call')
        ), 0)
    END AS value
    FROM ledger.activity AS a
    WHERE a.target_id = %(target_id)s AND a.ts > w.start AND a.ts <= w.as_of
    GROUP BY a.ts
) AS n
GROUP BY w.finish, w.as_of
