-- purpose: table perf_pipeline_meta.invalidation_rule: one row per captured table and cache type
-- minimum version: 14
-- `entity` is as declared: a column, a path over other tables, or '*'. `key_type` is the type of the
-- column that is written to the log where the entity is found by a path when the log is folded.
-- A rule that is no longer declared stays, inactive: entries of it may still be in the log.
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.invalidation_rule (
    rule_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cache_type text NOT NULL CHECK (cache_type <> ''),
    source regclass NOT NULL,
    source_name text NOT NULL,
    entity text NOT NULL,
    per text NOT NULL CHECK (per IN ('statement', 'row', 'logical')),
    columns text[] NOT NULL DEFAULT '{}',
    path boolean NOT NULL DEFAULT false,
    implied boolean NOT NULL DEFAULT false,
    key_type text NOT NULL DEFAULT '',
    reason text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    UNIQUE (cache_type, source_name, entity)
)
