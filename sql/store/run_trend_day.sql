-- purpose: the executions of one test in the last 24 hours, oldest first, each beside the one before it
-- minimum version: 14
SELECT
    e.execution_id, t.version AS test_version, e.target, e.environment::text AS environment, e.started_at,
    e.status::text AS status, e.state::text AS state, e.p95_ms, e.p99_ms, e.throughput_tps, e.error_percent,
    100 * (e.p95_ms / nullif(lag(e.p95_ms) OVER line, 0) - 1) AS p95_change_percent,
    100 * (e.throughput_tps / nullif(lag(e.throughput_tps) OVER line, 0) - 1) AS throughput_change_percent
FROM perf_mgmt.test_executions AS e
JOIN perf_mgmt.performance_tests AS t USING (test_id)
WHERE t.name = %(test_name)s AND e.started_at >= now() - INTERVAL '24 hours'
WINDOW line AS (
    PARTITION BY e.test_id, e.target, e.environment, e.server_major ORDER BY e.started_at, e.execution_id
)
ORDER BY e.started_at, e.execution_id
