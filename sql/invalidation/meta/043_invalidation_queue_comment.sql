-- purpose: what a row of perf_pipeline_meta.invalidation_queue is
-- minimum version: 14
COMMENT ON TABLE perf_pipeline_meta.invalidation_queue IS
    'One row per entity whose cached values are out of date: since when, how often it changed, who works on it.'
