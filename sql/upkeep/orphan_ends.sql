-- purpose: tables that relationships name: whether their rows can be looked up, the type of their key, whether rows are archived
-- minimum version: 14
-- cadence: each look for orphans
-- scope: database
SELECT /* perf-pipeline */
    w.schema_name, w.table_name,
    c.oid IS NOT NULL AND c.relkind IN ('r', 'p') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS is_readable,
    pg_catalog.format_type(k.atttypid, NULL) AS key_type, a.attname IS NOT NULL AS has_archived
FROM ROWS FROM (
    pg_catalog.unnest(%(schemas)s::pg_catalog.text[]), pg_catalog.unnest(%(tables)s::pg_catalog.text[])
) AS w (schema_name, table_name)
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema_name
LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.table_name
LEFT JOIN pg_catalog.pg_attribute AS k ON k.attrelid = c.oid AND k.attname = %(key)s AND k.attnum > 0 AND NOT k.attisdropped
LEFT JOIN pg_catalog.pg_attribute AS a
    ON a.attrelid = c.oid AND a.attname = %(archived)s AND a.attnum > 0 AND NOT a.attisdropped
    AND a.atttypid = 'pg_catalog.bool'::pg_catalog.regtype
