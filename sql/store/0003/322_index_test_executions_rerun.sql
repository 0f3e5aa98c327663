-- purpose: the re-runs of an execution
-- minimum version: 14
CREATE INDEX test_executions_rerun_of ON perf_mgmt.test_executions (rerun_of) WHERE rerun_of IS NOT NULL;
