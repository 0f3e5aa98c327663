-- purpose: foreign keys of other tables to a partitioned one that hold for new rows and were not validated for the old ones
-- minimum version: 14
SELECT /* perf-pipeline */ n.nspname AS schema_name, r.relname AS table_name, k.conname AS name, r.oid::bigint AS relation
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS r ON r.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT k.convalidated AND k.confrelid = pg_catalog.to_regclass(%(table)s)
ORDER BY n.nspname, r.relname, k.conname
