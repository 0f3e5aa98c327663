-- purpose: the history of one test on one target, newest last
-- minimum version: 14
CREATE INDEX test_executions_line ON perf_mgmt.test_executions (test_id, target, environment, server_major, started_at);
