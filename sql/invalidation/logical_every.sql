-- purpose: every entity of what is captured from the write-ahead log is to be made anew: the log has a gap
-- minimum version: 14
INSERT /* perf-pipeline */ INTO perf_pipeline_meta.invalidation_log_0 (rule_id, entity)
SELECT r.rule_id, NULL
FROM perf_pipeline_meta.invalidation_rule AS r
WHERE r.active AND r.per = 'logical'
