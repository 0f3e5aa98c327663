-- purpose: every index of the user schemas and whether its build finished
-- minimum version: 14
SELECT n.nspname AS schema_name, c.relname AS index_name, i.indisvalid AND i.indisready AS usable
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
