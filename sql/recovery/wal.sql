-- purpose: how a server keeps and archives its WAL, as far as its settings and archiver tell
-- minimum version: 14
SELECT /* perf-pipeline */
    pg_catalog.current_setting('wal_level') AS wal_level,
    pg_catalog.current_setting('archive_mode') AS archive_mode,
    pg_catalog.current_setting('max_wal_senders')::integer AS max_wal_senders,
    pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_keep_size')) AS wal_keep_bytes,
    (SELECT pg_catalog.sum(w.size)::bigint FROM pg_catalog.pg_ls_waldir() AS w) AS wal_bytes,
    (
        SELECT pg_catalog.count(*) FROM pg_catalog.pg_ls_archive_statusdir() AS s WHERE pg_catalog.right(s.name, 6) = '.ready'
    ) AS waiting,
    a.last_failed_wal,
    a.last_archived_time,
    a.last_failed_time,
    a.failed_count,
    pg_catalog.clock_timestamp() AS now
FROM pg_catalog.pg_stat_archiver AS a
