-- purpose: minutes since a server last archived a WAL file, where its last attempt failed; else 0; absent where nothing is archived
-- minimum version: 14
-- hot only: the archiver's rows of the last day; it tries again every minute, so that failing has rows
SELECT w.finish, w.as_of, '' AS subject,
    CASE
        WHEN a.last_failed_time > coalesce(a.last_archived_time, '-infinity')
            THEN extract(EPOCH FROM w.as_of - coalesce(a.last_archived_time, f.ts)) / 60
        ELSE 0
    END AS value,
    1 AS samples, NULL AS cause,
    CASE
        WHEN a.last_failed_time > coalesce(a.last_archived_time, '-infinity')
            THEN 'archiving of ' || coalesce(a.last_failed_wal, 'WAL') || ' fails, the archive may be full: pg_wal grows '
            || 'until it succeeds, and no moment since can be recovered; the server''s log has what archive_command said'
        ELSE ''
    END AS told
FROM monitoring.alert_windows(%(target_id)s, %(ends)s::timestamptz[], %(window_s)s, %(stale_s)s) AS w
CROSS JOIN LATERAL (
    SELECT r.last_archived_time, r.last_failed_time, r.last_failed_wal
    FROM ledger.archiver AS r
    WHERE r.target_id = w.server_target_id AND r.ts <= w.as_of AND r.ts > w.as_of - interval '1 day'
    ORDER BY r.ts DESC
    LIMIT 1
) AS a
CROSS JOIN LATERAL (
    SELECT min(r.ts) AS ts
    FROM ledger.archiver AS r
    WHERE r.target_id = w.server_target_id AND r.ts <= w.as_of AND r.ts > w.as_of - interval '1 day'
        AND r.failed_count > 0
) AS f
