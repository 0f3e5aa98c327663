-- purpose: the names of some tables, in the order of their oids
-- minimum version: 14
SELECT /* perf-pipeline */ n.nspname || '.' || c.relname AS name
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%(members)s::bigint[]::oid[])
ORDER BY c.oid
