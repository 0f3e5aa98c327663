-- purpose: which of some tables are partitioned
-- minimum version: 14
SELECT n.nspname AS schema_name, c.relname AS table_name
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%(tables)s::regclass[]) AND c.relkind = 'p'
