-- purpose: seconds that the last of a server's standbys was behind at one sweep of a window; absent where it has none that tells
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    max(r.replay_lag_seconds) AS value, count(r.replay_lag_seconds) AS samples, NULL AS cause,
    coalesce((array_agg(r.application_name ORDER BY r.replay_lag_seconds DESC NULLS LAST))[1], '') AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
JOIN ledger.replication AS r
    ON r.target_id = w.server_target_id AND r.ts > w.start AND r.ts <= w.as_of
GROUP BY w.finish, w.as_of
