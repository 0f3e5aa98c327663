-- purpose: table perf_pipeline_meta.rollup: one row per view that is kept incrementally
-- minimum version: 14
-- `spec` is the declaration it was made from; `members` and `filenodes` say which tables were captured
-- and read by the last refresh.
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.rollup (
    rollup_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    view_name text NOT NULL UNIQUE CHECK (view_name <> ''),
    source regclass NOT NULL,
    spec jsonb NOT NULL,
    generation bigint NOT NULL DEFAULT 0,
    members oid[] NOT NULL DEFAULT '{}',
    filenodes text NOT NULL DEFAULT '',
    group_count bigint,
    full_seconds double precision,
    seconds_per_group double precision,
    seconds_per_change double precision
)
