-- purpose: percent of a window in which the processors under a server worked; absent on another machine
-- minimum version: 14
-- hot only: a window before an instant that is alerted about, or simulated within the days the store has
SELECT w.finish, w.as_of, '' AS subject,
    100 * sum(h.cpu_user_seconds + h.cpu_system_seconds + coalesce(h.cpu_steal_seconds, 0))
    / nullif(sum(
        h.cpu_user_seconds + h.cpu_system_seconds + coalesce(h.cpu_steal_seconds, 0)
        + h.cpu_idle_seconds + coalesce(h.cpu_iowait_seconds, 0)
    ), 0) AS value,
    count(*) AS samples, NULL AS cause, '' AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
JOIN ledger.host AS h
    ON h.target_id = w.server_target_id AND h.ts > w.start AND h.ts <= w.as_of
    AND h.cpu_user_seconds IS NOT NULL
GROUP BY w.finish, w.as_of
