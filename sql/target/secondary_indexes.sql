-- purpose: indexes that back no constraint, of tables and their partitions, with the statement that makes them again
-- minimum version: 14
WITH RECURSIVE relation (oid, level) AS (
    SELECT t.oid, 0
    FROM unnest(%(tables)s::regclass[]) AS t (oid)
    UNION ALL
    SELECT h.inhrelid, r.level + 1
    FROM relation AS r
    JOIN pg_catalog.pg_inherits AS h ON h.inhparent = r.oid
)
SELECT
    n.nspname AS schema_name,
    c.relname AS index_name,
    pg_get_indexdef(c.oid) AS definition,
    wn.nspname AS whole_schema,  -- the index of the partitioned table that this one is a part of
    w.relname AS whole_name
FROM relation AS r
JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = c.oid
LEFT JOIN pg_catalog.pg_class AS w ON w.oid = h.inhparent
LEFT JOIN pg_catalog.pg_namespace AS wn ON wn.oid = w.relnamespace
WHERE NOT EXISTS (
    SELECT 1
    FROM pg_catalog.pg_constraint AS k
    WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')
)
ORDER BY r.level, n.nspname, c.relname
