-- purpose: the executions of the last days
-- minimum version: 14
CREATE INDEX test_executions_started ON perf_mgmt.test_executions (started_at);
