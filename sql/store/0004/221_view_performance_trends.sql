-- purpose: per hour of 30 days, test, target and environment: means over the executions that completed, and how many ran, completed, regressed
-- minimum version: 14
CREATE VIEW perf_mgmt.performance_trends AS
SELECT
    date_trunc('hour', e.started_at, 'UTC') AS hour, t.name AS test_name, t.version AS test_version,
    t.industry::text AS industry, e.target, e.environment::text AS environment, e.server_major,
    count(*) AS runs,
    count(*) FILTER (WHERE e.status = 'COMPLETED') AS completed_runs,
    count(*) FILTER (WHERE e.is_regression) AS regressions,
    avg(e.mean_ms) FILTER (WHERE e.status = 'COMPLETED') AS mean_ms,
    avg(e.p95_ms) FILTER (WHERE e.status = 'COMPLETED') AS mean_p95_ms,
    avg(e.p99_ms) FILTER (WHERE e.status = 'COMPLETED') AS mean_p99_ms,
    avg(e.throughput_tps) FILTER (WHERE e.status = 'COMPLETED') AS mean_throughput_tps,
    avg(e.error_percent) FILTER (WHERE e.status = 'COMPLETED') AS mean_error_percent,
    avg(e.cpu_percent) FILTER (WHERE e.status = 'COMPLETED') AS mean_cpu_percent,
    avg(e.memory_percent) FILTER (WHERE e.status = 'COMPLETED') AS mean_memory_percent
FROM perf_mgmt.test_executions AS e
JOIN perf_mgmt.performance_tests AS t USING (test_id)
WHERE e.started_at >= now() - INTERVAL '30 days'
GROUP BY 1, t.name, t.version, t.industry, e.target, e.environment, e.server_major
ORDER BY 1 DESC, t.name, t.version, e.target, e.environment, e.server_major;
