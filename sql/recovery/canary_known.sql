-- purpose: which of some canaries are there
-- minimum version: 14
SELECT /* perf-pipeline */ canary_id::text AS canary_id
FROM perf_pipeline_meta.recovery_canary
WHERE canary_id = ANY (%(canary_ids)s::uuid[])
