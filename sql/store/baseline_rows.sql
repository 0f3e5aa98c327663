-- purpose: baselines of load tests, newest first; each filter that is NULL lets all pass
-- minimum version: 14
SELECT
    b.baseline_id, b.test_id, t.name AS test_name, t.version AS test_version, b.target,
    b.environment::text AS environment, b.server_major, b.baseline_type::text AS baseline_type,
    b.baseline_date, b.source_execution_id, b.source_execution_ids, b.statistic, b.p95_ms, b.p99_ms,
    b.throughput_tps, b.transactions, b.failed, b.error_percent, b.cpu_percent, b.memory_percent,
    b.response_time_threshold_percent, b.throughput_threshold_percent,
    b.error_rate_threshold_points, b.resource_threshold_points, b.is_active, b.retired_at, b.notes,
    b.created_by, e.started_at AS source_started_at
FROM perf_mgmt.performance_baselines AS b
JOIN perf_mgmt.performance_tests AS t USING (test_id)
JOIN perf_mgmt.test_executions AS e ON e.execution_id = b.source_execution_id
WHERE (%(baseline_id)s::bigint IS NULL OR b.baseline_id = %(baseline_id)s)
    AND (%(test_id)s::integer IS NULL OR b.test_id = %(test_id)s)
    AND (%(test_name)s::text IS NULL OR t.name = %(test_name)s)
    AND (%(target)s::text IS NULL OR b.target = %(target)s)
    AND (%(environment)s::perf_mgmt.environment_enum IS NULL OR b.environment = %(environment)s)
    AND (%(server_major)s::integer IS NULL OR b.server_major = %(server_major)s)
    AND (b.is_active OR NOT %(active)s::boolean)
ORDER BY t.name, b.test_id, b.target, b.environment, b.server_major, b.baseline_id DESC
