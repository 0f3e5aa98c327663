-- purpose: an index and those of the partitions below it, with the table of each
-- minimum version: 14
WITH RECURSIVE tree AS (
    SELECT %(index)s::regclass::oid AS relid
    UNION ALL
    SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN tree AS t ON t.relid = i.inhparent
)
SELECT t.relid::int8 AS relid, n.nspname::text AS schema_name, c.relname::text AS table_name, c.relkind::text AS kind
FROM tree AS t
JOIN pg_catalog.pg_index AS x ON x.indexrelid = t.relid
JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
