-- purpose: tables with rows of their own, and whether each has a column of a name
-- minimum version: 14
SELECT /* perf-pipeline */
    n.nspname AS schema_name,
    c.relname AS table_name,
    EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attname = %(column)s AND a.attnum > 0 AND NOT a.attisdropped
    ) AS has_column
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'perf_pipeline_meta')
ORDER BY 1, 2
