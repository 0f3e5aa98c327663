-- purpose: whether there is anything to read for sources that are seldom needed and dear to plan: their header names the sign
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it what other users do is hidden
-- cadence: every sweep
SELECT /* perf-pipeline */ pg_catalog.concat_ws(
    ', ',
    CASE WHEN EXISTS (
        SELECT FROM pg_catalog.pg_stat_get_activity(NULL) AS a
        WHERE a.wait_event_type = 'Lock' AND a.datid = d.oid
    ) THEN 'lock waits' END,
    CASE WHEN
        EXISTS (SELECT FROM pg_catalog.pg_stat_get_progress_info('VACUUM') AS p WHERE p.datid = d.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_stat_get_progress_info('ANALYZE') AS p WHERE p.datid = d.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_stat_get_progress_info('CREATE INDEX') AS p WHERE p.datid = d.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_stat_get_progress_info('CLUSTER') AS p WHERE p.datid = d.oid)
        OR EXISTS (
            SELECT FROM pg_catalog.pg_stat_get_progress_info('COPY') AS p
            WHERE p.datid = d.oid AND p.pid <> pg_catalog.pg_backend_pid()
        )
        THEN 'commands in progress' END,
    CASE WHEN pg_catalog.pg_is_in_recovery() OR EXISTS (SELECT FROM pg_catalog.pg_stat_get_wal_senders())
        THEN 'replication' END,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_get_replication_slots()) THEN 'slots' END
) AS signs
FROM pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
