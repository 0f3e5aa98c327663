-- purpose: writes what was captured into the log, from where a fold takes it
-- minimum version: 14
INSERT /* perf-pipeline */ INTO perf_pipeline_meta.invalidation_log_0 (rule_id, entity, queued_at)
SELECT n.rule_id, n.entity, n.queued_at
FROM unnest(
    %(rules)s::integer[], %(entities)s::text[], %(moments)s::timestamptz[]
) AS n (rule_id, entity, queued_at)
