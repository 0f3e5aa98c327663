-- purpose: executions of load tests with baseline, verdict and health (B-62)
-- minimum version: 14
-- panel: table
SELECT
    d.started_at AS time, d.test_name, d.test_type, d.environment, d.status, d.health_status, d.state,
    d.p95_ms, d.baseline_p95_ms, d.throughput_tps, d.error_percent, d.change_percent, d.commit_sha
FROM perf_mgmt.performance_dashboard AS d
WHERE d.target = %(target)s AND d.started_at > %(start)s AND d.started_at <= %(finish)s
ORDER BY d.started_at DESC
