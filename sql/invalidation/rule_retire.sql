-- purpose: rules that are no longer declared: they stay for what is still in the log
-- minimum version: 14
UPDATE /* perf-pipeline */ perf_pipeline_meta.invalidation_rule AS r
SET active = false
WHERE r.rule_id = ANY (%(rules)s::integer[])
