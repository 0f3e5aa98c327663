-- purpose: gives back entries that nobody tried: a worker that ends early
-- minimum version: 14
UPDATE /* perf-pipeline */ perf_pipeline_meta.invalidation_queue AS q
SET lease_id = NULL, leased_until = NULL, again_first_at = NULL, again_changes = 0
WHERE q.cache_type = %(cache_type)s::text
    AND q.entity = ANY (%(entities)s::text[])
    AND q.lease_id = %(lease_id)s::uuid
