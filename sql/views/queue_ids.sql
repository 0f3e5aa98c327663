-- purpose: the requests for a view that a refresh which begins now will answer
-- minimum version: 14
SELECT /* perf-pipeline */ coalesce(pg_catalog.array_agg(request_id), '{}') AS ids
FROM perf_pipeline_meta.mv_refresh_queue
WHERE view_name = %(view)s
