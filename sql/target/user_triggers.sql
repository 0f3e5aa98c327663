-- purpose: triggers of some tables that are on and not the server's own
-- minimum version: 14
SELECT n.nspname AS schema_name, c.relname AS table_name, t.tgname AS trigger_name, t.tgenabled = 'A' AS always
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE t.tgrelid = ANY (%(tables)s::regclass[]) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
ORDER BY n.nspname, c.relname, t.tgname
