-- purpose: forget an incremental view
-- minimum version: 14
DELETE FROM perf_pipeline_meta.rollup
WHERE rollup_id = %(rollup_id)s
