-- purpose: the schema of pg_stat_statements in this database; no row: it is not installed here
-- minimum version: 14
SELECT /* perf-pipeline */ n.nspname AS schema
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'
