-- purpose: every partitioned table that is no partition itself, with its key
-- minimum version: 14
SELECT /* perf-pipeline */ n.nspname, c.relname
FROM pg_catalog.pg_partitioned_table AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.partrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT c.relispartition AND n.nspname NOT LIKE 'pg\_%%'
ORDER BY 1, 2
