-- purpose: what is known of the refreshes of some views, and how often each is asked for
-- minimum version: 14
SELECT /* perf-pipeline */
    v.name AS view_name,
    s.refreshed_at,
    s.checked_at,
    s.seconds,
    s.method,
    coalesce(s.evidence, '{}') AS evidence,
    coalesce(s.failures, 0) AS failures,
    s.failed_at,
    s.last_error,
    q.requests,
    q.oldest_request,
    q.reasons
FROM pg_catalog.unnest(%(views)s::text[]) AS v (name)
LEFT JOIN perf_pipeline_meta.mv_refresh_state AS s ON s.view_name = v.name
CROSS JOIN LATERAL (
    SELECT
        count(*) AS requests,
        min(r.requested_at) AS oldest_request,
        coalesce(pg_catalog.array_agg(DISTINCT r.reason) FILTER (WHERE r.reason <> ''), '{}') AS reasons
    FROM perf_pipeline_meta.mv_refresh_queue AS r
    WHERE r.view_name = v.name
) AS q
