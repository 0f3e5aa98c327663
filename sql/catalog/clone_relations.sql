-- purpose: tables and indexes of a copy of a database
-- minimum version: 14
SELECT n.nspname::text AS schema_name, c.relname::text AS name, c.oid::int8 AS relid, c.relkind::text AS kind
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'p', 'i', 'I') AND n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'
