-- purpose: pages of a table and its partitions
-- minimum version: 14
-- grant: none
SELECT coalesce(sum(pg_catalog.pg_relation_size(p.relid)), 0)::pg_catalog.float8 / 8192 AS pages
FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(%(name)s)) AS p
WHERE p.isleaf
