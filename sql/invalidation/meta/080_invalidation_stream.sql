-- purpose: table perf_pipeline_meta.invalidation_stream: the slot from which changes are read without triggers
-- minimum version: 14
-- Written together with an entry for every entity: a slot that is not noted here was never complete.
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.invalidation_stream (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    slot text NOT NULL,
    limit_bytes bigint NOT NULL CHECK (limit_bytes > 0),
    gaps integer NOT NULL DEFAULT 0,
    gap_at timestamptz
)
