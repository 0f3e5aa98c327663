-- purpose: take a rollup for this refresh; one that somebody refreshed since this transaction began is refused
-- minimum version: 14
SELECT /* perf-pipeline */ r.rollup_id
FROM perf_pipeline_meta.rollup AS r
WHERE r.rollup_id = %(rollup_id)s
FOR UPDATE
