-- purpose: transactions of this database that a concurrent rebuild would have to wait for: open for longer than a while
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it other users' transactions are not shown
-- cadence: before each rebuild
-- scope: database
SELECT /* perf-pipeline */
    a.pid, a.usename::pg_catalog.text AS user_name, NULLIF(a.application_name, '') AS application, a.state,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.xact_start)::pg_catalog.float8 AS seconds
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = pg_catalog.current_database() AND a.backend_type = 'client backend'
    AND a.pid <> pg_catalog.pg_backend_pid()
    -- without a snapshot or a transaction id a rebuild does not wait for it
    AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
    AND a.xact_start < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(seconds)s::pg_catalog.float8)
ORDER BY a.xact_start
LIMIT 5
