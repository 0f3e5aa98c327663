-- purpose: the executions of seven days with their baseline and health, newest first
-- minimum version: 14
SELECT * FROM perf_mgmt.performance_dashboard
