-- purpose: the statements that cost the load tests of seven days most
-- minimum version: 14
SELECT * FROM perf_mgmt.top_performance_issues
