-- purpose: adds entities to the queue, as a fold does
-- minimum version: 14
INSERT /* perf-pipeline */ INTO perf_pipeline_meta.invalidation_queue AS q
    (cache_type, entity, generation, first_queued_at, last_queued_at, changes, reason, last_error)
SELECT
    %(cache_type)s::text,
    d.entity,
    pg_catalog.nextval('perf_pipeline_meta.invalidation_generation'),
    d.first_queued_at,
    d.last_queued_at,
    d.changes,
    %(reason)s::text,
    %(error)s::text
FROM (
    SELECT
        CASE WHEN octet_length(n.entity) <= 1000 THEN n.entity ELSE '*' END AS entity,
        min(n.first_at) AS first_queued_at,
        max(n.last_at) AS last_queued_at,
        sum(n.changes)::bigint AS changes
    FROM unnest(
        %(entities)s::text[], %(changes)s::bigint[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[]
    ) AS n (entity, changes, first_at, last_at)
    GROUP BY 1
) AS d
ON CONFLICT (cache_type, entity) DO UPDATE SET
    generation = excluded.generation,
    first_queued_at = least(q.first_queued_at, excluded.first_queued_at),
    last_queued_at = greatest(q.last_queued_at, excluded.last_queued_at),
    changes = q.changes + excluded.changes,
    reason = excluded.reason,
    last_error = coalesce(excluded.last_error, q.last_error),
    again_first_at = CASE WHEN q.lease_id IS NOT NULL THEN coalesce(q.again_first_at, excluded.first_queued_at) END,
    again_changes = CASE WHEN q.lease_id IS NOT NULL THEN q.again_changes + excluded.changes ELSE 0 END
