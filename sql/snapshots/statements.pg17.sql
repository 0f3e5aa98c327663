-- purpose: counters of every statement of this database, without texts
-- minimum version: 17
-- extension: pg_stat_statements
-- grant: pg_read_all_stats (part of pg_monitor); without it other users' statements are hidden
-- cadence: every sweep
SELECT /* perf-pipeline */
    s.userid::pg_catalog.int8 AS userid, s.dbid::pg_catalog.int8 AS dbid, s.queryid, s.toplevel,
    s.calls, s.total_exec_time, s.stddev_exec_time, s.plans, s.total_plan_time, s.rows,
    s.shared_blks_hit, s.shared_blks_read, s.shared_blks_dirtied, s.shared_blks_written,
    s.local_blks_hit, s.local_blks_read, s.local_blks_dirtied, s.local_blks_written,
    s.temp_blks_read, s.temp_blks_written,
    s.shared_blk_read_time + s.local_blk_read_time AS blk_read_time,
    s.shared_blk_write_time + s.local_blk_write_time AS blk_write_time,
    s.wal_records, s.wal_fpi, s.wal_bytes::pg_catalog.int8 AS wal_bytes,
    s.jit_functions AS jit_functions,
    s.jit_generation_time + s.jit_inlining_time + s.jit_optimization_time + s.jit_emission_time AS jit_time,
    s.stats_since AS stats_since,
    NULL::pg_catalog.float8 AS min_exec_time,
    NULL::pg_catalog.float8 AS max_exec_time
FROM {extension}.pg_stat_statements(false) AS s
WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
