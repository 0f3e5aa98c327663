-- purpose: which PoWA and pg_profile are installed in this database
-- minimum version: 14
SELECT /* perf-pipeline */ e.extname::text AS name, e.extversion AS version, n.nspname::text AS schema_name
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname IN ('powa', 'pg_profile')
ORDER BY e.extname
