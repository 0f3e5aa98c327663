-- purpose: the rules this database captures by
-- minimum version: 14
SELECT /* perf-pipeline */
    r.rule_id, r.cache_type, r.source::oid::bigint AS source, r.source_name, r.entity, r.per, r.columns, r.path, r.implied, r.key_type, r.active
FROM perf_pipeline_meta.invalidation_rule AS r
ORDER BY r.rule_id
