-- purpose: how many rows a table has as the planner estimates, its partitions included; NULL where it was never analyzed
-- minimum version: 14
SELECT /* perf-pipeline */ CASE WHEN bool_and(c.reltuples >= 0) THEN sum(c.reltuples)::double precision END AS rows
FROM pg_catalog.pg_class AS c
WHERE c.relkind <> 'p'
    AND (
        c.oid = pg_catalog.to_regclass(%(table)s)
        OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(%(table)s)) AS t)
    )
HAVING count(*) > 0
