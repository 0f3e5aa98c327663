-- purpose: what load tests of a target that ended since an instant were asked and what they bore, newest first
-- minimum version: 14
SELECT t.name AS test_name, t.industry::text AS industry, e.started_at, e.concurrent_users,
    e.throughput_tps, e.p95_ms, e.error_percent, e.transactions,
    (e.config ->> 'think_time_ms')::double precision AS think_time_ms,
    coalesce(jsonb_array_length(e.metadata -> 'broken_limits'), 0) AS broken_limits
FROM perf_mgmt.test_executions AS e
JOIN perf_mgmt.performance_tests AS t USING (test_id)
WHERE e.target = %(target)s AND e.status = 'COMPLETED' AND e.started_at >= %(since)s
ORDER BY e.started_at DESC, e.execution_id
