-- purpose: what was measured while an execution ran, over time; `name` tells series of one type apart
-- minimum version: 14
CREATE TABLE perf_mgmt.performance_metrics (
    execution_id uuid NOT NULL REFERENCES perf_mgmt.test_executions ON DELETE CASCADE,
    ts timestamptz NOT NULL,
    metric_type text NOT NULL
        CHECK (metric_type IN ('response_time', 'throughput', 'cpu', 'memory', 'disk_io', 'connections')),
    name text NOT NULL DEFAULT '',
    value double precision NOT NULL CHECK (value > '-Infinity' AND value < 'Infinity'),
    unit text NOT NULL,
    context jsonb,
    PRIMARY KEY (execution_id, metric_type, name, ts)
);
