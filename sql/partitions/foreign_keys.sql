-- purpose: the foreign keys of a table, as their definitions
-- minimum version: 14
SELECT /* perf-pipeline */ c.conname, pg_catalog.pg_get_constraintdef(c.oid) AS definition
FROM pg_catalog.pg_constraint AS c
WHERE c.conrelid = %(relation)s::oid AND c.contype = 'f' AND c.conparentid = 0
ORDER BY c.conname
