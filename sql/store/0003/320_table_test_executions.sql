-- purpose: one run of a load test: where, on what, what was measured, and the verdict; NULL: not measured
-- minimum version: 14
CREATE TABLE perf_mgmt.test_executions (
    execution_id uuid PRIMARY KEY,
    test_id integer NOT NULL REFERENCES perf_mgmt.performance_tests,
    target text NOT NULL CHECK (target <> ''),
    environment perf_mgmt.environment_enum NOT NULL,
    status perf_mgmt.execution_status_enum NOT NULL,
    server_version_num integer NOT NULL CHECK (server_version_num >= 90000),
    server_major integer GENERATED ALWAYS AS (server_version_num / 10000) STORED,
    database_version text NOT NULL,
    config jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(config) = 'object'),
    settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    hardware jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(hardware) = 'object'),
    started_at timestamptz NOT NULL,
    completed_at timestamptz,
    duration_ms double precision GENERATED ALWAYS AS (
        extract(EPOCH FROM completed_at - started_at)::double precision * 1000
    ) STORED,
    connections integer CHECK (connections > 0),
    concurrent_users integer CHECK (concurrent_users > 0),
    data_bytes bigint CHECK (data_bytes >= 0),
    transactions bigint CHECK (transactions >= 0),
    failed bigint CHECK (failed >= 0),
    skipped bigint CHECK (skipped >= 0),
    error_classes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(error_classes) = 'object'),
    error_percent double precision GENERATED ALWAYS AS (
        100.0::double precision * failed / nullif(transactions + failed, 0)
    ) STORED,
    mean_ms double precision CHECK (mean_ms >= 0 AND mean_ms < 'Infinity'),
    p50_ms double precision CHECK (p50_ms >= 0 AND p50_ms < 'Infinity'),
    p95_ms double precision CHECK (p95_ms >= 0 AND p95_ms < 'Infinity'),
    p99_ms double precision CHECK (p99_ms >= 0 AND p99_ms < 'Infinity'),
    max_ms double precision CHECK (max_ms >= 0 AND max_ms < 'Infinity'),
    throughput_tps double precision CHECK (throughput_tps >= 0 AND throughput_tps < 'Infinity'),
    cpu_percent double precision CHECK (cpu_percent BETWEEN 0 AND 100),
    memory_percent double precision CHECK (memory_percent BETWEEN 0 AND 100),
    disk_mb_per_s double precision CHECK (disk_mb_per_s >= 0 AND disk_mb_per_s < 'Infinity'),
    rerun_of uuid REFERENCES perf_mgmt.test_executions,
    run_id text,
    commit_sha text,
    branch text,
    metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    state perf_mgmt.run_state_enum,
    worst text CHECK (worst IN ('OK', 'WARNING', 'CRITICAL')),
    is_regression boolean GENERATED ALWAYS AS (
        CASE state WHEN 'REGRESSED' THEN true WHEN 'OK' THEN false END
    ) STORED,
    change_percent double precision,
    baseline_id bigint,
    comparison jsonb,
    judged_at timestamptz,
    CHECK (completed_at >= started_at),
    CHECK ((status = 'RUNNING') = (completed_at IS NULL)),
    CHECK (rerun_of <> execution_id),
    CHECK (p50_ms <= p95_ms AND p95_ms <= p99_ms AND p99_ms <= max_ms),
    CHECK ((state IS NULL) = (judged_at IS NULL))
);
