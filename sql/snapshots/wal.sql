-- purpose: WAL written by the whole server
-- minimum version: 14
-- cadence: every sweep
-- scope: instance
SELECT /* perf-pipeline */
    'wal' AS part, w.wal_records, w.wal_fpi, w.wal_bytes::pg_catalog.int8 AS wal_bytes,
    w.wal_buffers_full, w.wal_write, w.wal_sync,
    -- not measured is not zero
    CASE WHEN t.timed THEN w.wal_write_time ELSE NULLIF(w.wal_write_time, 0) END AS wal_write_time,
    CASE WHEN t.timed THEN w.wal_sync_time ELSE NULLIF(w.wal_sync_time, 0) END AS wal_sync_time,
    w.stats_reset AS stats_since
FROM pg_catalog.pg_stat_wal AS w,
    (SELECT pg_catalog.current_setting('track_wal_io_timing')::pg_catalog.bool AS timed) AS t
