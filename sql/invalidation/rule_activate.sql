-- purpose: all tables of these rules capture by them
-- minimum version: 14
UPDATE /* perf-pipeline */ perf_pipeline_meta.invalidation_rule AS r
SET active = true
WHERE r.rule_id = ANY (%(rules)s::integer[])
