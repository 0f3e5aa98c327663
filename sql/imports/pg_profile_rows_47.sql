-- purpose: what statements of a database did between some samples of a pg_profile repository, 4.7 to 4.11
-- minimum version: 14
-- extension: pg_profile 4.7 to 4.11
-- grant: none: pg_profile lets everybody read its samples
SELECT /* perf-pipeline */
    s.sample_id, s.userid::bigint AS userid, s.datid::bigint AS dbid, s.queryid, s.toplevel,
    s.calls, s.total_exec_time, s.sum_exec_time_sq::double precision AS sum_exec_time_sq, s.plans, s.total_plan_time, s.rows,
    s.shared_blks_hit, s.shared_blks_read, s.shared_blks_dirtied, s.shared_blks_written,
    s.local_blks_hit, s.local_blks_read, s.local_blks_dirtied, s.local_blks_written,
    s.temp_blks_read, s.temp_blks_written,
    s.shared_blk_read_time, s.shared_blk_write_time, s.local_blk_read_time, s.local_blk_write_time,
    s.wal_records, s.wal_fpi, s.wal_bytes::bigint AS wal_bytes,
    s.jit_functions,
    s.jit_generation_time + s.jit_inlining_time + s.jit_optimization_time + s.jit_emission_time AS jit_time,
    s.stats_since
FROM {schema}.sample_statements AS s
WHERE s.server_id = %(server_id)s AND s.datid = %(dbid)s::bigint::oid
    AND s.sample_id BETWEEN %(first)s AND %(last)s
