-- purpose: table perf_pipeline_meta.invalidation_log_1: one row per changed entity, rule and statement, until it is folded into the queue
-- minimum version: 14
-- No index and no constraint: whoever writes it waits for nobody. The clock's minute says which of the
-- two a statement writes; the other one is emptied by TRUNCATE, which no old snapshot hinders.
-- `entity` is NULL where every entity is meant; `rule_id` is NULL where an application asked itself.
CREATE TABLE IF NOT EXISTS perf_pipeline_meta.invalidation_log_1 (
    rule_id integer,
    entity text,
    queued_at timestamptz DEFAULT pg_catalog.clock_timestamp(),
    cache_type text,
    reason text
)
