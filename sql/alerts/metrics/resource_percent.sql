-- purpose: the most percent of what a server has a fixed number of that was taken at one sweep of a window
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    max(100.0 * r.used / r.capacity) AS value, count(r.used) AS samples, NULL AS cause,
    max(r.used) || ' of ' || max(r.capacity) || ' ' || %(resource)s AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
JOIN ledger.resources AS r
    ON r.target_id = w.server_target_id AND r.ts > w.start AND r.ts <= w.as_of AND r.resource = %(resource)s
GROUP BY w.finish, w.as_of
