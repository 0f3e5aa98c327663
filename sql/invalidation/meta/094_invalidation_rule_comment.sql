-- purpose: what a row of perf_pipeline_meta.invalidation_rule is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.invalidation_rule IS
    'One row per captured table and cache type: whose cached values its changes make out of date.'
