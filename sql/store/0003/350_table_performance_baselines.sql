-- purpose: what is normal for a load test on one target, environment and major version; a new one retires the old, which stays
-- minimum version: 14
CREATE TABLE perf_mgmt.performance_baselines (
    baseline_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    test_id integer NOT NULL REFERENCES perf_mgmt.performance_tests,
    target text NOT NULL,
    environment perf_mgmt.environment_enum NOT NULL,
    server_major integer NOT NULL,
    baseline_type perf_mgmt.baseline_type_enum NOT NULL,
    baseline_date timestamptz NOT NULL DEFAULT now(),
    source_execution_id uuid NOT NULL REFERENCES perf_mgmt.test_executions,
    source_execution_ids uuid [] NOT NULL CHECK (cardinality(source_execution_ids) > 0),
    statistic text NOT NULL CHECK (statistic IN ('single run', 'median of runs')),
    p95_ms double precision NOT NULL CHECK (p95_ms > 0 AND p95_ms < 'Infinity'),
    p99_ms double precision NOT NULL CHECK (p99_ms > 0 AND p99_ms < 'Infinity'),
    throughput_tps double precision NOT NULL CHECK (throughput_tps > 0 AND throughput_tps < 'Infinity'),
    transactions bigint NOT NULL CHECK (transactions >= 0),
    failed bigint NOT NULL CHECK (failed >= 0),
    error_percent double precision GENERATED ALWAYS AS (
        100.0::double precision * failed / (transactions + failed)
    ) STORED,
    cpu_percent double precision CHECK (cpu_percent > 0 AND cpu_percent <= 100),
    memory_percent double precision CHECK (memory_percent > 0 AND memory_percent <= 100),
    response_time_threshold_percent double precision NOT NULL DEFAULT 20 CHECK (response_time_threshold_percent > 0),
    throughput_threshold_percent double precision NOT NULL DEFAULT 15 CHECK (throughput_threshold_percent > 0),
    error_rate_threshold_points double precision NOT NULL DEFAULT 5 CHECK (error_rate_threshold_points > 0),
    resource_threshold_points double precision NOT NULL DEFAULT 15 CHECK (resource_threshold_points > 0),
    is_active boolean NOT NULL DEFAULT true,
    retired_at timestamptz,
    notes text NOT NULL DEFAULT '',
    created_by text NOT NULL DEFAULT current_user,
    CHECK (transactions + failed > 0),
    CHECK (is_active = (retired_at IS NULL))
);
