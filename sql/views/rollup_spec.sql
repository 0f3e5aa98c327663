-- purpose: record what a new incremental view was made from
-- minimum version: 14
UPDATE perf_pipeline_meta.rollup
SET spec = %(spec)s::jsonb
WHERE rollup_id = %(rollup_id)s
