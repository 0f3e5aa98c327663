-- purpose: pages and rows of tables and indexes as the planner knows them, and the table a partition or index belongs to
-- minimum version: 14
-- cadence: each piece of advice
-- scope: database
SELECT /* perf-pipeline */
    n.nspname::pg_catalog.text AS schema_name, c.relname::pg_catalog.text AS name, c.relkind::pg_catalog.text AS kind,
    c.relpages::pg_catalog.int8 AS pages, c.reltuples::pg_catalog.float8 AS rows, c.relallvisible::pg_catalog.int8 AS visible_pages,
    rn.nspname::pg_catalog.text AS root_schema, r.relname::pg_catalog.text AS root_name
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class AS r ON c.relispartition AND r.oid = pg_catalog.pg_partition_root(c.oid::pg_catalog.regclass)
LEFT JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
WHERE c.relkind IN ('r', 'm', 'p', 'i') AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'
ORDER BY n.nspname, c.relname
