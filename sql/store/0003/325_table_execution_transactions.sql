-- purpose: latencies and failures of each kind of transaction of an execution
-- minimum version: 14
CREATE TABLE perf_mgmt.execution_transactions (
    execution_id uuid NOT NULL REFERENCES perf_mgmt.test_executions ON DELETE CASCADE,
    name text NOT NULL,
    transactions bigint NOT NULL CHECK (transactions >= 0),
    failed bigint NOT NULL CHECK (failed >= 0),
    skipped bigint NOT NULL DEFAULT 0 CHECK (skipped >= 0),
    mean_ms double precision,
    p50_ms double precision,
    p95_ms double precision,
    p99_ms double precision,
    max_ms double precision,
    PRIMARY KEY (execution_id, name),
    CHECK (p50_ms <= p95_ms AND p95_ms <= p99_ms AND p99_ms <= max_ms)
);
