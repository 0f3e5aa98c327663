-- purpose: takes entries out of the queue that are done and did not change meanwhile
-- minimum version: 14
DELETE /* perf-pipeline */ FROM perf_pipeline_meta.invalidation_queue AS q
USING unnest(%(entities)s::text[], %(generations)s::bigint[]) AS d (entity, generation)
WHERE q.cache_type = %(cache_type)s::text
    AND q.entity = ANY (%(entities)s::text[])
    AND q.entity = d.entity
    AND q.generation = d.generation
    AND q.lease_id = %(lease_id)s::uuid
