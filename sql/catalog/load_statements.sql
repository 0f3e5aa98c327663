-- purpose: counters of every statement of this database with their texts, ours and those of the reference left out
-- minimum version: 14
-- extension: pg_stat_statements
-- grant: pg_read_all_stats (part of pg_monitor); without it other users' statements are hidden
SELECT /* perf-pipeline */
    s.userid::pg_catalog.int8 AS userid, s.dbid::pg_catalog.int8 AS dbid, s.queryid, s.toplevel, s.query, s.calls,
    s.total_exec_time,
    -- sum of squares: what two readings can be subtracted of
    s.calls * (s.stddev_exec_time * s.stddev_exec_time + s.mean_exec_time * s.mean_exec_time) AS exec_time_squares,
    s.rows, s.shared_blks_hit, s.shared_blks_read, s.shared_blks_dirtied, s.shared_blks_written,
    s.temp_blks_read, s.temp_blks_written, s.blk_read_time AS blk_read_time,
    s.blk_write_time AS blk_write_time, s.wal_bytes::pg_catalog.int8 AS wal_bytes
FROM {extension}.pg_stat_statements AS s
WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    AND s.queryid IS NOT NULL AND s.query IS NOT NULL AND s.query NOT LIKE '%%perf-pipeline%%'
