-- purpose: marks entries of cache types that nobody declares; they stay
-- minimum version: 14
UPDATE /* perf-pipeline */ perf_pipeline_meta.invalidation_queue AS q
SET last_error = 'unknown cache type'
WHERE NOT q.cache_type = ANY (%(known)s::text[])
    AND q.last_error IS DISTINCT FROM 'unknown cache type'
