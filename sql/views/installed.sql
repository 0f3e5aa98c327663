-- purpose: whether this database has our records of views
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.to_regprocedure('perf_pipeline_meta.request_refresh(regclass, text)') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.mv_refresh_state') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.mv_refresh_queue') IS NOT NULL
    AND pg_catalog.to_regclass('perf_pipeline_meta.rollup') IS NOT NULL AS installed
