-- purpose: table perf_pipeline_meta.generated_data: one row per example system filled with data
-- minimum version: 14
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.generated_data (
    system text PRIMARY KEY CHECK (system <> ''),
    parameters jsonb NOT NULL,
    row_counts jsonb NOT NULL,
    content_sha256 text NOT NULL CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
    reference_time timestamptz NOT NULL,
    seconds double precision NOT NULL CHECK (seconds >= 0),
    generated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE perf_pipeline_meta.generated_data
    IS 'One row per example system whose tables the generator filled: with what, and how much.';
