-- purpose: what a row of perf_pipeline_meta.invalidation_log_0 is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.invalidation_log_0 IS
    'One row per entity, rule and statement (or row) that changed it, or per request; its writers only ever insert.'
