-- purpose: WAL files archived and failed, with the last of each; no row where nothing is archived
-- minimum version: 14
-- cadence: every sweep
-- scope: instance
SELECT /* perf-pipeline */
    'archiver' AS part, a.archived_count, a.failed_count,
    a.last_archived_wal, a.last_archived_time, a.last_failed_wal, a.last_failed_time,
    a.stats_reset AS stats_since
FROM pg_catalog.pg_stat_archiver AS a
WHERE pg_catalog.current_setting('archive_mode') <> 'off'
