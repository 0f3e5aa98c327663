-- purpose: what a row of perf_pipeline_meta.invalidation_bulk_1 is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.invalidation_bulk_1 IS
    'One row per entity, rule and transaction in bulk mode.'
