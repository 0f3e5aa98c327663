-- purpose: the oids of some tables and views by name
-- minimum version: 14
SELECT /* perf-pipeline */ c.oid::bigint AS oid, n.nspname AS schema_name, c.relname AS name, c.relkind::text AS kind
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'm', 'v') AND n.nspname || '.' || c.relname = ANY (%(names)s::text[])
