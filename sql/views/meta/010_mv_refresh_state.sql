-- purpose: table perf_pipeline_meta.mv_refresh_state: one row per view that was refreshed, committed with the refresh
-- minimum version: 14
-- `evidence` is what the sources looked like just before: what happens later makes it differ.
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.mv_refresh_state (
    view_name text PRIMARY KEY CHECK (view_name <> ''),
    refreshed_at timestamptz,
    checked_at timestamptz,
    seconds double precision CHECK (seconds >= 0),
    method text,
    evidence jsonb NOT NULL DEFAULT '{}',
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    failed_at timestamptz,
    last_error text
)
