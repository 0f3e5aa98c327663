-- purpose: foreign keys of one column between tables with rows of their own
-- minimum version: 14
SELECT /* perf-pipeline */
    n.nspname AS schema_name,
    c.relname AS table_name,
    a.attname AS column_name,
    rn.nspname AS parent_schema,
    rc.relname AS parent_table,
    ra.attname AS parent_column
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
JOIN pg_catalog.pg_class AS rc ON rc.oid = k.confrelid
JOIN pg_catalog.pg_namespace AS rn ON rn.oid = rc.relnamespace
JOIN pg_catalog.pg_attribute AS ra ON ra.attrelid = rc.oid AND ra.attnum = k.confkey[1]
WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND k.conparentid = 0
    AND NOT c.relispartition AND NOT rc.relispartition AND c.oid <> rc.oid
ORDER BY 1, 2, 3
