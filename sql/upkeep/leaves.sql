-- purpose: tables that rows of a table are in (itself, or its partitions without children), with what its age column is, and what refers to it
-- minimum version: 14
-- cadence: each plan of upkeep
-- scope: database
SELECT /* perf-pipeline */
    r.oid::pg_catalog.int8 AS root_relid, l.relid::pg_catalog.oid::pg_catalog.int8 AS relid,
    n.nspname::pg_catalog.text AS schema_name, c.relname::pg_catalog.text AS table_name,
    a.attname::pg_catalog.text AS column_name, pg_catalog.format_type(a.atttypid, NULL) AS type,
    pg_catalog.has_table_privilege(l.relid, 'DELETE') AND pg_catalog.has_table_privilege(l.relid, 'SELECT') AS may_delete,
    EXISTS (
        SELECT FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = l.relid AND i.indisvalid AND i.indkey[0] = a.attnum AND i.indpred IS NULL
    ) AS is_indexed,
    c.reltuples::pg_catalog.float8 AS planner_rows
FROM pg_catalog.pg_class AS r
JOIN pg_catalog.pg_namespace AS s ON s.oid = r.relnamespace
CROSS JOIN LATERAL (
    SELECT r.oid::pg_catalog.regclass AS relid WHERE r.relkind = 'r'
    UNION ALL
    SELECT p.relid FROM pg_catalog.pg_partition_tree(r.oid) AS p WHERE r.relkind = 'p' AND p.isleaf
) AS l
JOIN pg_catalog.pg_class AS c ON c.oid = l.relid AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = l.relid AND a.attname = %(column)s AND a.attnum > 0 AND NOT a.attisdropped
WHERE s.nspname = %(schema)s AND r.relname = %(table)s
ORDER BY n.nspname, c.relname
