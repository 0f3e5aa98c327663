-- purpose: takes due entries of a cache type for a while, oldest first; what another worker has is passed over
-- minimum version: 14
-- Due: quiet for the window, or waiting for as long as one may wait (D-104). The batch is bound as an
-- array: joined, it would make the planner read the whole queue.
UPDATE /* perf-pipeline */ perf_pipeline_meta.invalidation_queue AS q
SET
    lease_id = %(lease_id)s::uuid,
    leased_until = t.at + %(lease_s)s::double precision * interval '1 s',
    again_first_at = NULL,
    again_changes = 0
FROM (SELECT coalesce(%(at)s::timestamptz, pg_catalog.clock_timestamp()) AS at) AS t
WHERE q.cache_type = %(cache_type)s::text
    AND q.entity = ANY (ARRAY(
        SELECT c.entity
        FROM perf_pipeline_meta.invalidation_queue AS c
        CROSS JOIN (SELECT coalesce(%(at)s::timestamptz, pg_catalog.clock_timestamp()) AS at) AS n
        WHERE c.cache_type = %(cache_type)s::text
            AND (
                c.last_queued_at <= n.at - %(debounce_s)s::double precision * interval '1 s'
                OR c.first_queued_at <= n.at - %(max_wait_s)s::double precision * interval '1 s'
            )
            AND c.not_before <= n.at
            AND (c.leased_until IS NULL OR c.leased_until <= n.at)
        ORDER BY c.first_queued_at
        LIMIT %(most)s::bigint
        FOR UPDATE OF c SKIP LOCKED
    ))
RETURNING q.entity, q.generation, q.first_queued_at, q.last_queued_at, q.changes, q.attempts, q.reason
