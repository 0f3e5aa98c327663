-- purpose: how far an execution of a load test has got
-- minimum version: 14
CREATE TYPE perf_mgmt.execution_status_enum AS ENUM ('RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED');
