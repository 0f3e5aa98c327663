-- purpose: write a canary, and forget those of drills long past
-- minimum version: 14
WITH forgotten AS (
    DELETE FROM perf_pipeline_meta.recovery_canary
    WHERE written_at < pg_catalog.now() - INTERVAL '7 days'
)
INSERT /* perf-pipeline */ INTO perf_pipeline_meta.recovery_canary (canary_id, note)
VALUES (%(canary_id)s::uuid, %(note)s)
RETURNING written_at
