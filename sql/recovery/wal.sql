-- purpose: how a server keeps and archives its WAL, as far as its settings and archiver tell
-- minimum version: 14
SELECT /* perf-pipeline */
    pg_catalog.current_setting('wal_level') AS wal_level,
    pg_catalog.current_setting('archive_mode') AS archive_mode,
    pg_catalog.current_setting('max_wal_senders')::integer AS max_wal_senders,
    pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_keep_size')) AS wal_keep_bytes,
    a.last_archived_time,
    a.last_failed_time,
    a.failed_count,
    pg_catalog.clock_timestamp() AS now
FROM pg_catalog.pg_stat_archiver AS a
