-- purpose: columns of tables as a statement names them: their types, the unique keys they are part of, how many rows there are
-- minimum version: 14
-- grant: none
SELECT
    asked.name, n.nspname AS schema_name, c.relname AS table_name, a.attname AS column_name,
    pg_catalog.format_type(a.atttypid, NULL) AS type,
    ARRAY(
        SELECT (
            SELECT pg_catalog.array_to_string(pg_catalog.array_agg(k.attname ORDER BY k.attname), ',')
            FROM pg_catalog.pg_attribute AS k
            WHERE k.attrelid = c.oid AND k.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
        )
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
        ORDER BY i.indexrelid
    )::pg_catalog.text[] AS unique_keys,
    (
        SELECT greatest(sum(l.reltuples), 0)
        FROM pg_catalog.pg_partition_tree(c.oid) AS p JOIN pg_catalog.pg_class AS l ON l.oid = p.relid
        WHERE p.isleaf
    )::pg_catalog.float8 AS rows
FROM pg_catalog.unnest(%(names)s::pg_catalog.text[]) AS asked (name)
JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(asked.name) AND c.relkind IN ('r', 'p', 'm')
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY asked.name, a.attnum
