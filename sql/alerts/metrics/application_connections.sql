-- purpose: the most sessions of some applications at one sweep of a window, all or those at work; absent where sessions were not read
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    max(n.value) AS value, count(n.value) AS samples, NULL AS cause, '' AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
CROSS JOIN LATERAL (
    -- a sweep that met no client of the database has no row of connections, but some of activity
    SELECT a.ts FROM ledger.activity AS a
    WHERE a.target_id = %(target_id)s AND a.ts > w.start AND a.ts <= w.as_of
    GROUP BY a.ts
    HAVING bool_and(a.backend_type <> '')
) AS v
CROSS JOIN LATERAL (
    SELECT coalesce(sum(c.sessions), 0) AS value
    FROM ledger.connections AS c
    WHERE c.target_id = %(target_id)s AND c.ts = v.ts AND c.application_name LIKE %(application)s ESCAPE ''
        AND (c.state = 'active' OR NOT %(only_active)s::boolean)
) AS n
GROUP BY w.finish, w.as_of
