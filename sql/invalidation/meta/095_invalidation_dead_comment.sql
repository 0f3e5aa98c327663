-- purpose: what a row of perf_pipeline_meta.invalidation_dead is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.invalidation_dead IS
    'One row per entity that failed too often; kept until somebody puts it back.'
