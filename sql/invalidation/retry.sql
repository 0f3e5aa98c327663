-- purpose: puts dead entries back into the queue, due at once
-- minimum version: 14
WITH /* perf-pipeline */ back AS (
    DELETE FROM perf_pipeline_meta.invalidation_dead AS d
    WHERE (%(cache_type)s::text IS NULL OR d.cache_type = %(cache_type)s::text)
        AND (%(entities)s::text[] IS NULL OR d.entity = ANY (%(entities)s::text[]))
    RETURNING d.cache_type, d.entity, d.first_queued_at, d.last_queued_at, d.changes, d.reason
)
INSERT INTO perf_pipeline_meta.invalidation_queue AS q
    (cache_type, entity, generation, first_queued_at, last_queued_at, changes, reason)
SELECT
    b.cache_type,
    b.entity,
    pg_catalog.nextval('perf_pipeline_meta.invalidation_generation'),
    b.first_queued_at,
    b.last_queued_at,
    b.changes,
    b.reason
FROM back AS b
ON CONFLICT (cache_type, entity) DO UPDATE SET
    generation = excluded.generation,
    first_queued_at = least(q.first_queued_at, excluded.first_queued_at),
    changes = q.changes + excluded.changes,
    attempts = 0,
    not_before = '-infinity',
    again_first_at = CASE WHEN q.lease_id IS NOT NULL THEN coalesce(q.again_first_at, excluded.last_queued_at) END,
    again_changes = CASE WHEN q.lease_id IS NOT NULL THEN q.again_changes + excluded.changes ELSE 0 END
