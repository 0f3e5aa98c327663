-- purpose: GB (of 1,000,000,000 bytes) of a database when last measured in a window
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    (array_agg(d.database_bytes ORDER BY d.ts DESC))[1] / 1e9 AS value,
    count(*) AS samples, NULL AS cause, '' AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
JOIN ledger.database AS d
    ON d.target_id = %(target_id)s AND d.ts > w.start AND d.ts <= w.as_of AND d.database_bytes > 0
GROUP BY w.finish, w.as_of
