-- purpose: counters of this database and its sessions
-- minimum version: 14
-- cadence: every sweep
SELECT /* perf-pipeline */
    d.datid, d.xact_commit, d.xact_rollback, d.blks_read, d.blks_hit,
    d.tup_returned, d.tup_fetched, d.tup_inserted, d.tup_updated, d.tup_deleted,
    d.conflicts, d.temp_files, d.temp_bytes, d.deadlocks, d.blk_read_time, d.blk_write_time,
    d.session_time, d.active_time, d.idle_in_transaction_time,
    d.sessions, d.sessions_abandoned, d.sessions_fatal, d.sessions_killed,
    d.numbackends
FROM pg_catalog.pg_stat_database AS d
WHERE d.datname = pg_catalog.current_database()
