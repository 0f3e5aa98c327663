-- purpose: what each statement did in some executions, the heaviest first
-- minimum version: 14
SELECT
    q.execution_id, e.target, t.name AS test_name, q.userid, q.dbid, q.queryid, q.toplevel, q.query_hash,
    q.query, q.query_type, q.calls, q.total_ms, q.mean_ms, q.stddev_ms, q.rows, q.shared_blks_hit,
    q.shared_blks_read, q.temp_blks_written, q.io_read_ms, q.io_write_ms, q.wal_bytes
FROM perf_mgmt.query_performance AS q
JOIN perf_mgmt.test_executions AS e USING (execution_id)
JOIN perf_mgmt.performance_tests AS t USING (test_id)
WHERE q.execution_id = ANY (%(execution_ids)s::uuid [])
ORDER BY q.execution_id, q.total_ms DESC, q.queryid, q.userid, q.dbid, q.toplevel
