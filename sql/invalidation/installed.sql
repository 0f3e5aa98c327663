-- purpose: whether this database has our records of invalidation
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.to_regclass('perf_pipeline_meta.invalidation_queue') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.idx_invalidation_queue_first') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.invalidation_log_0') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.invalidation_log_1') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.invalidation_bulk_0') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.invalidation_bulk_1') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.invalidation_rule') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.invalidation_dead') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.invalidation_stream') IS NOT NULL
    AND pg_catalog.to_regprocedure('perf_pipeline_meta.invalidate(text, text, text)') IS NOT NULL
    AND pg_catalog.to_regprocedure('perf_pipeline_meta.rewrite_invalidation_queue()') IS NOT NULL AS installed
