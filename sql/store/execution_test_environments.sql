-- purpose: where a load test may run
-- minimum version: 14
SELECT name, version, environments::text [] AS environments
FROM perf_mgmt.performance_tests
WHERE test_id = %(test_id)s
