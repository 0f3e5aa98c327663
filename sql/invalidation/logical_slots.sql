-- purpose: our slots of this database: how much of the write-ahead log each holds back, and whether it can be read
-- minimum version: 14
SELECT /* perf-pipeline */
    s.slot_name::text AS slot,
    s.active,
    s.wal_status = 'lost' OR s.restart_lsn IS NULL AS lost,
    pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::bigint AS held_bytes,
    pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint AS unread_bytes
FROM pg_catalog.pg_replication_slots AS s
WHERE s.database = pg_catalog.current_database()
    AND s.slot_name ~ '^perf_pipeline_inv_[0-9a-f]{12}$'
ORDER BY s.slot_name
