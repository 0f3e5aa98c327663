-- purpose: record a new incremental view
-- minimum version: 14
INSERT INTO perf_pipeline_meta.rollup (view_name, source, spec)
VALUES (%(view)s, %(source)s::bigint::oid::regclass, %(spec)s::jsonb)
RETURNING rollup_id
