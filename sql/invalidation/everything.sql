-- purpose: asks for every entity of some caches: nobody knows what changed while nothing was captured
-- minimum version: 14
SELECT /* perf-pipeline */ perf_pipeline_meta.invalidate(c.cache_type, NULL, %(reason)s::text)
FROM unnest(%(cache_types)s::text[]) AS c (cache_type)
