-- purpose: triggers of ours in the whole database
-- minimum version: 14
-- Those that PostgreSQL copied from a partitioned table go with that one's.
SELECT /* perf-pipeline */
    c.oid::bigint AS oid,
    n.nspname::text AS schema_name,
    c.relname::text AS name,
    t.tgname::text AS trigger_name,
    pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS f ON f.oid = p.pronamespace
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE t.tgname ~ '^perf_pipeline_capture_' AND f.nspname = 'perf_pipeline_meta' AND t.tgparentid = 0
ORDER BY n.nspname, c.relname, t.tgname
