-- purpose: one active baseline of a type for a test on a target, environment and major version; any number of retired ones
-- minimum version: 14
CREATE UNIQUE INDEX performance_baselines_one_active
ON perf_mgmt.performance_baselines (test_id, target, environment, server_major, baseline_type)
WHERE is_active;
