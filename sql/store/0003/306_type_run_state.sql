-- purpose: the verdict on an execution of a load test
-- minimum version: 14
CREATE TYPE perf_mgmt.run_state_enum AS ENUM ('OK', 'SUSPECTED', 'REGRESSED', 'NO_BASELINE', 'NO_DATA');
