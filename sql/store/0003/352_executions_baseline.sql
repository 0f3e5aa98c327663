-- purpose: the baseline an execution was worst against
-- minimum version: 14
ALTER TABLE perf_mgmt.test_executions
ADD FOREIGN KEY (baseline_id) REFERENCES perf_mgmt.performance_baselines;
