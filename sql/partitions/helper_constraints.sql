-- purpose: constraints of ours that are on default partitions while others are attached beside them; a killed run leaves some
-- minimum version: 14
SELECT /* perf-pipeline */ c.conrelid, n.nspname, t.relname, c.conname
FROM pg_catalog.pg_constraint AS c
JOIN pg_catalog.pg_class AS t ON t.oid = c.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE c.conrelid = ANY (%(relations)s::oid[]) AND c.contype = 'c'
    AND c.conname LIKE 'perf\_pipeline\_without\_%%'
