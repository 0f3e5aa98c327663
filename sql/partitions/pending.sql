-- purpose: whether a table is attached to a parent: no row, or whether its detach was begun
-- minimum version: 14
SELECT /* perf-pipeline */ i.inhdetachpending
FROM pg_catalog.pg_inherits AS i
WHERE i.inhrelid = %(relation)s::oid AND i.inhparent = %(parent)s::oid
