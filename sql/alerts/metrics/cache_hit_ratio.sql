-- purpose: percent of blocks of a database found in shared buffers in a window; samples are blocks
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    100.0 * sum(d.blks_hit) / nullif(sum(d.blks_hit + d.blks_read), 0) AS value,
    sum(d.blks_hit + d.blks_read) AS samples,
    NULL AS cause, '' AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
JOIN ledger.database AS d
    ON d.target_id = %(target_id)s AND d.ts > w.start AND d.ts <= w.as_of
GROUP BY w.finish, w.as_of
