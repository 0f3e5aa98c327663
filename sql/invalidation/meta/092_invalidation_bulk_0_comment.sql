-- purpose: what a row of perf_pipeline_meta.invalidation_bulk_0 is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.invalidation_bulk_0 IS
    'One row per entity, rule and transaction in bulk mode.'
