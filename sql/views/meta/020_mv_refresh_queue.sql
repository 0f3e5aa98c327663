-- purpose: table perf_pipeline_meta.mv_refresh_queue: one row per request to refresh a view (G-27)
-- minimum version: 14
-- Without a unique key on the view: two who ask for the same view never wait for each other. What was
-- asked for several times is done once.
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.mv_refresh_queue (
    request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    view_name text NOT NULL CHECK (view_name <> ''),
    reason text NOT NULL DEFAULT '',
    requested_by text NOT NULL DEFAULT session_user,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
