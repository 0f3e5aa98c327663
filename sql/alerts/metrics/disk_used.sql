-- purpose: percent of the disk under a server's data that was taken when last measured in a window; absent on another machine
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    100.0 * (1 - (array_agg(h.disk_free_bytes::double precision / h.disk_total_bytes ORDER BY h.ts DESC))[1]) AS value,
    count(*) AS samples, NULL AS cause, '' AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
JOIN ledger.host AS h
    ON h.target_id = w.server_target_id AND h.ts > w.start AND h.ts <= w.as_of
    AND h.disk_total_bytes > 0 AND h.disk_free_bytes IS NOT NULL
GROUP BY w.finish, w.as_of
