-- purpose: where pg_partman keeps its configuration, if it is there
-- minimum version: 14
SELECT /* perf-pipeline */ n.nspname, x.extversion
FROM pg_catalog.pg_extension AS x
JOIN pg_catalog.pg_namespace AS n ON n.oid = x.extnamespace
WHERE x.extname = 'pg_partman'
