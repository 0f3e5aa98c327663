-- purpose: WAL written by the whole server; how often and how long it was written and synced is in pg_stat_io from 18 on
-- minimum version: 18
-- cadence: every sweep
-- scope: instance
SELECT /* perf-pipeline */
    'wal' AS part, w.wal_records, w.wal_fpi, w.wal_bytes::pg_catalog.int8 AS wal_bytes,
    w.wal_buffers_full, NULL::pg_catalog.int8 AS wal_write, NULL::pg_catalog.int8 AS wal_sync,
    NULL::pg_catalog.float8 AS wal_write_time, NULL::pg_catalog.float8 AS wal_sync_time,
    w.stats_reset AS stats_since
FROM pg_catalog.pg_stat_wal AS w
