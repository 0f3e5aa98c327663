-- purpose: gives back entries that were done but changed meanwhile: what came since waits as if it were new
-- minimum version: 14
UPDATE /* perf-pipeline */ perf_pipeline_meta.invalidation_queue AS q
SET
    lease_id = NULL,
    leased_until = NULL,
    attempts = 0,
    last_error = NULL,
    not_before = '-infinity',
    first_queued_at = coalesce(q.again_first_at, q.first_queued_at),
    changes = greatest(q.again_changes, 1),
    again_first_at = NULL,
    again_changes = 0
WHERE q.cache_type = %(cache_type)s::text
    AND q.entity = ANY (%(entities)s::text[])
    AND q.lease_id = %(lease_id)s::uuid
