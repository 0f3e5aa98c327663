-- purpose: sessions of this database and background processes by state, wait and, where active, statement; ours left out
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it other users' states and waits are hidden
-- cadence: every sweep
SELECT /* perf-pipeline */
    COALESCE(a.backend_type, '') AS backend_type,
    COALESCE(a.state, '') AS state,
    COALESCE(a.wait_event_type, '') AS wait_event_type,
    COALESCE(a.wait_event, '') AS wait_event,
    -- of an idle session it would be the last one
    CASE WHEN a.state = 'active' THEN a.query_id END AS queryid,
    pg_catalog.count(*) AS sessions,
    pg_catalog.max(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.xact_start))::pg_catalog.float8
        AS oldest_xact_seconds,
    pg_catalog.max(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.query_start))
        FILTER (WHERE a.state <> 'idle')::pg_catalog.float8 AS oldest_query_seconds
FROM pg_catalog.pg_stat_activity AS a
WHERE (a.datname = pg_catalog.current_database() OR a.datid IS NULL)
    AND a.pid <> pg_catalog.pg_backend_pid()
    AND COALESCE(a.application_name, '') NOT LIKE 'perf-pipeline%'
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3, 4, 5
