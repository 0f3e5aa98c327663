-- purpose: adds a rule, or brings it up to date; it is active once all its tables capture by it
-- minimum version: 14
INSERT /* perf-pipeline */ INTO perf_pipeline_meta.invalidation_rule AS r
    (cache_type, source, source_name, entity, per, columns, path, implied, key_type, reason, active)
VALUES (
    %(cache_type)s::text, %(source)s::oid::regclass, %(source_name)s::text, %(entity)s::text, %(per)s::text,
    %(columns)s::text[], %(path)s::boolean, %(implied)s::boolean, %(key_type)s::text, %(reason)s::text, false
)
ON CONFLICT (cache_type, source_name, entity) DO UPDATE SET
    source = excluded.source,
    per = excluded.per,
    columns = excluded.columns,
    path = excluded.path,
    implied = excluded.implied,
    key_type = excluded.key_type,
    reason = excluded.reason,
    active = false
RETURNING rule_id
