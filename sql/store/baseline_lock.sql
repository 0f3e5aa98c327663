-- purpose: one at a time changes the baselines of a load test
-- minimum version: 14
SELECT test_id FROM perf_mgmt.performance_tests WHERE test_id = %(test_id)s FOR NO KEY UPDATE
