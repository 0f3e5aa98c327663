-- purpose: whether anything is to be folded, and which cache types have something due; one cheap look
-- minimum version: 14
SELECT /* perf-pipeline */
    EXISTS (SELECT FROM perf_pipeline_meta.invalidation_log_0)
    OR EXISTS (SELECT FROM perf_pipeline_meta.invalidation_log_1)
    OR EXISTS (SELECT FROM perf_pipeline_meta.invalidation_bulk_0)
    OR EXISTS (SELECT FROM perf_pipeline_meta.invalidation_bulk_1) AS logged,
    ARRAY(
        SELECT c.cache_type
        FROM unnest(
            %(names)s::text[], %(debounces)s::double precision[], %(max_waits)s::double precision[]
        ) AS c (cache_type, debounce_s, max_wait_s)
        CROSS JOIN (SELECT coalesce(%(at)s::timestamptz, pg_catalog.clock_timestamp()) AS at) AS n
        WHERE EXISTS (
            SELECT
            FROM perf_pipeline_meta.invalidation_queue AS q
            WHERE q.cache_type = c.cache_type
                AND q.first_queued_at <= n.at - least(c.debounce_s, c.max_wait_s) * interval '1 s'
                AND (
                    q.last_queued_at <= n.at - c.debounce_s * interval '1 s'
                    OR q.first_queued_at <= n.at - c.max_wait_s * interval '1 s'
                )
                AND q.not_before <= n.at
                AND (q.leased_until IS NULL OR q.leased_until <= n.at)
        )
        ORDER BY c.cache_type
    ) AS due
