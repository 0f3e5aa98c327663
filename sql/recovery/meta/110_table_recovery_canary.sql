-- purpose: table perf_pipeline_meta.recovery_canary: rows whose commit a drill knows, to be looked for in what came back
-- minimum version: 14
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.recovery_canary (
    canary_id uuid PRIMARY KEY,
    note text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
