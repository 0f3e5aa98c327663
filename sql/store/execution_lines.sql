-- purpose: the active load tests with the targets, environments and major versions they ran on
-- minimum version: 14
SELECT DISTINCT e.test_id, e.target, e.environment::text AS environment, e.server_major
FROM perf_mgmt.test_executions AS e
JOIN perf_mgmt.performance_tests AS t USING (test_id)
WHERE t.is_active AND e.status <> 'RUNNING'
ORDER BY e.test_id, e.target, environment, e.server_major
