-- purpose: per hour of 30 days what each load test did on average
-- minimum version: 14
SELECT * FROM perf_mgmt.performance_trends
