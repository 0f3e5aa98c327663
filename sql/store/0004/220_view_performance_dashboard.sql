-- purpose: the executions of seven days, one row each, newest first, with the baseline the verdict rests on and their health
-- minimum version: 14
CREATE VIEW perf_mgmt.performance_dashboard AS
SELECT
    e.execution_id, t.name AS test_name, t.version AS test_version, t.test_type::text AS test_type,
    t.industry::text AS industry, e.target, e.environment::text AS environment, e.server_major,
    e.status::text AS status, e.started_at, e.completed_at, e.duration_ms, e.concurrent_users,
    e.mean_ms, e.p95_ms, e.p99_ms, e.throughput_tps, e.error_percent, e.cpu_percent, e.memory_percent,
    e.state::text AS state, e.is_regression, e.change_percent,
    b.baseline_type::text AS baseline_type, b.p95_ms AS baseline_p95_ms, b.p99_ms AS baseline_p99_ms,
    b.throughput_tps AS baseline_throughput_tps, b.error_percent AS baseline_error_percent,
    perf_mgmt.health_status(
        e.status::text, e.state::text, e.p95_ms, e.throughput_tps, e.error_percent, e.cpu_percent,
        perf_mgmt.limits_broken(e.metadata)
    ) AS health_status,
    told.event_type AS last_event, told.ts AS last_event_at, e.commit_sha, e.branch, e.rerun_of
FROM perf_mgmt.test_executions AS e
JOIN perf_mgmt.performance_tests AS t USING (test_id)
LEFT JOIN perf_mgmt.performance_baselines AS b USING (baseline_id)
LEFT JOIN LATERAL (
    SELECT v.event_type, v.ts
    FROM perf_mgmt.perf_events AS v
    WHERE v.execution_id = e.execution_id
    ORDER BY v.event_id DESC
    LIMIT 1
) AS told ON true
WHERE e.started_at >= now() - INTERVAL '7 days'
ORDER BY e.started_at DESC, e.execution_id;
