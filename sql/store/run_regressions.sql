-- purpose: the executions of seven days that regressed or are suspected, newest first, with the change of p95 and the baseline it is against
-- minimum version: 14
SELECT
    e.execution_id, t.name AS test_name, t.version AS test_version, e.target,
    e.environment::text AS environment, e.started_at, e.state::text AS state, e.worst, e.change_percent,
    b.baseline_type::text AS baseline_type, e.p95_ms, b.p95_ms AS baseline_p95_ms, e.commit_sha, e.branch,
    e.comparison ->> 'reason' AS reason
FROM perf_mgmt.test_executions AS e
JOIN perf_mgmt.performance_tests AS t USING (test_id)
LEFT JOIN perf_mgmt.performance_baselines AS b USING (baseline_id)
WHERE e.state IN ('REGRESSED', 'SUSPECTED') AND e.started_at >= now() - INTERVAL '7 days'
ORDER BY e.started_at DESC, e.execution_id
