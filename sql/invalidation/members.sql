-- purpose: tables to capture with all that inherits from them, and the triggers of ours on each
-- minimum version: 14
WITH /* perf-pipeline */ RECURSIVE member AS (
    SELECT r.oid AS root, r.oid AS oid
    FROM unnest(%(roots)s::bigint[]::oid[]) AS r (oid)
    UNION
    SELECT b.root, i.inhrelid
    FROM member AS b
    JOIN pg_catalog.pg_inherits AS i ON i.inhparent = b.oid
    WHERE NOT i.inhdetachpending
)
SELECT
    m.root::bigint AS root,
    m.oid::bigint AS oid,
    n.nspname::text AS schema_name,
    c.relname::text AS name,
    c.relkind::text AS kind,
    pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned,
    pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
    coalesce((
        SELECT pg_catalog.jsonb_object_agg(t.tgname, pg_catalog.jsonb_build_object(
            'function', CASE WHEN f.nspname = 'perf_pipeline_meta' THEN p.proname END,
            'enabled', t.tgenabled,
            'shape', pg_catalog.replace(pg_catalog.encode(t.tgargs, 'escape'), '\000', '')
        ))
        FROM pg_catalog.pg_trigger AS t
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace AS f ON f.oid = p.pronamespace
        WHERE t.tgrelid = m.oid AND t.tgname ~ '^perf_pipeline_capture_' AND NOT t.tgisinternal
    ), '{}') AS triggers
FROM member AS m
JOIN pg_catalog.pg_class AS c ON c.oid = m.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY (m.oid = m.root) DESC, n.nspname, c.relname
