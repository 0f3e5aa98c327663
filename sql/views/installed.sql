-- purpose: whether this database has our records of views, and as they are made now
-- minimum version: 14
-- `current`: all of it is there, and the function does not lend its owner's rights, as that of an earlier
-- version did.
SELECT /* perf-pipeline */ i.installed,
    i.installed AND pg_catalog.to_regprocedure('perf_pipeline_meta.has_changes(integer)') IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_proc AS p
        WHERE p.oid = pg_catalog.to_regprocedure('perf_pipeline_meta.request_refresh(regclass, text)') AND p.prosecdef
    ) AS current
FROM (
    SELECT pg_catalog.to_regprocedure('perf_pipeline_meta.request_refresh(regclass, text)') IS NOT NULL
        AND pg_catalog.to_regclass('perf_pipeline_meta.mv_refresh_state') IS NOT NULL
        AND pg_catalog.to_regclass('perf_pipeline_meta.mv_refresh_queue') IS NOT NULL
        AND pg_catalog.to_regclass('perf_pipeline_meta.rollup') IS NOT NULL AS installed
) AS i
