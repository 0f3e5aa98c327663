-- purpose: where a load test may run
-- minimum version: 14
CREATE TYPE perf_mgmt.environment_enum AS ENUM ('development', 'staging', 'production');
