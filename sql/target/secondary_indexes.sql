-- purpose: indexes that back no constraint, with the statement that makes them again
-- minimum version: 14
SELECT n.nspname AS schema_name, c.relname AS index_name, pg_get_indexdef(c.oid) AS definition
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE i.indrelid = ANY (%(tables)s::regclass[])
  AND NOT EXISTS (
      SELECT 1
      FROM pg_catalog.pg_constraint AS k
      WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')
  )
ORDER BY n.nspname, c.relname
