-- purpose: which views are asked for, how often, since when; one probe
-- minimum version: 14
SELECT /* perf-pipeline */
    q.view_name,
    count(*) AS requests,
    min(q.requested_at) AS oldest,
    coalesce(max(s.failures), 0) AS failures,
    max(s.failed_at) AS failed_at,
    coalesce(pg_catalog.array_agg(DISTINCT q.reason) FILTER (WHERE q.reason <> ''), '{}') AS reasons
FROM perf_pipeline_meta.mv_refresh_queue AS q
LEFT JOIN perf_pipeline_meta.mv_refresh_state AS s ON s.view_name = q.view_name
GROUP BY q.view_name
ORDER BY oldest
