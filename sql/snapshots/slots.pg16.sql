-- purpose: replication slots: who uses them, what WAL and which old rows they keep
-- minimum version: 16
-- cadence: every sweep
-- only with: slots
-- scope: instance
SELECT /* perf-pipeline */
    s.slot_name::pg_catalog.text AS slot_name, s.slot_type, s.plugin::pg_catalog.text AS plugin,
    s.database::pg_catalog.text AS database_name, s.temporary, s.active,
    s.wal_status, s.safe_wal_size AS safe_wal_bytes,
    pg_catalog.pg_wal_lsn_diff(h.lsn, s.restart_lsn)::pg_catalog.int8 AS retained_bytes,
    pg_catalog.pg_wal_lsn_diff(h.lsn, s.confirmed_flush_lsn)::pg_catalog.int8 AS unconfirmed_bytes,
    pg_catalog.age(s.xmin)::pg_catalog.int8 AS xmin_age,
    pg_catalog.age(s.catalog_xmin)::pg_catalog.int8 AS catalog_xmin_age,
    s.conflicting,
    NULL::pg_catalog.text AS invalidation_reason,
    NULL::pg_catalog.float8 AS inactive_seconds,
    NULL::pg_catalog.bool AS failover,
    NULL::pg_catalog.bool AS synced
FROM pg_catalog.pg_replication_slots AS s
CROSS JOIN (
    SELECT CASE WHEN pg_catalog.pg_is_in_recovery()
        THEN COALESCE(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
        ELSE pg_catalog.pg_current_wal_lsn()
    END AS lsn
) AS h
