-- purpose: executions of load tests, oldest first; each filter that is NULL lets all pass, and of many rows the newest are kept
-- minimum version: 14
SELECT *
FROM (
    SELECT
        e.execution_id, e.test_id, t.name AS test_name, t.version AS test_version,
        t.test_type::text AS test_type, t.industry::text AS industry, t.baseline_thresholds,
        t.is_active AS test_is_active,
        e.target, e.environment::text AS environment, e.status::text AS status,
        e.server_version_num, e.server_major, e.database_version, e.config, e.settings, e.hardware,
        e.started_at, e.completed_at, e.duration_ms, e.connections, e.concurrent_users,
        e.data_bytes, e.transactions, e.failed, e.skipped, e.error_classes, e.error_percent,
        e.mean_ms, e.p50_ms, e.p95_ms, e.p99_ms, e.max_ms, e.throughput_tps, e.cpu_percent,
        e.memory_percent, e.disk_mb_per_s, e.rerun_of, e.run_id, e.commit_sha, e.branch,
        e.metadata, e.state::text AS state, e.worst, e.is_regression, e.change_percent,
        e.baseline_id, e.comparison, e.judged_at
    FROM perf_mgmt.test_executions AS e
    JOIN perf_mgmt.performance_tests AS t USING (test_id)
    WHERE (%(execution_id)s::uuid IS NULL OR e.execution_id = %(execution_id)s)
        AND (%(test_id)s::integer IS NULL OR e.test_id = %(test_id)s)
        AND (%(target)s::text IS NULL OR e.target = %(target)s)
        AND (
            %(environment)s::perf_mgmt.environment_enum IS NULL
            OR e.environment = %(environment)s
        )
        AND (%(server_major)s::integer IS NULL OR e.server_major = %(server_major)s)
        AND (%(rerun_of)s::uuid IS NULL OR e.rerun_of = %(rerun_of)s)
        AND (%(since)s::timestamptz IS NULL OR e.started_at >= %(since)s)
        AND (%(before)s::timestamptz IS NULL OR e.started_at < %(before)s)
        AND (
            %(states)s::text [] IS NULL
            OR coalesce(e.state::text, 'UNJUDGED') = ANY (%(states)s)
        )
        AND (NOT %(ended)s::boolean OR e.status <> 'RUNNING')
    ORDER BY e.started_at DESC, e.execution_id DESC
    LIMIT %(newest)s::bigint
) AS newest
ORDER BY started_at, execution_id
