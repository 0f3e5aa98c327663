-- purpose: the index of a partition that belongs to an index of its parent
-- minimum version: 14
SELECT /* perf-pipeline */ c.relname
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_index AS x ON x.indexrelid = i.inhrelid
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = %(index)s::oid AND x.indrelid = %(table)s::regclass
