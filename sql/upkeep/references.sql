-- purpose: foreign keys between tables (partitions' own copies left out): who refers to whom by which columns, and whether it can be looked up
-- minimum version: 14
-- cadence: each plan of upkeep
-- scope: database
SELECT /* perf-pipeline */
    k.conname::pg_catalog.text AS name, k.confdeltype::pg_catalog.text AS on_delete,
    fn.nspname::pg_catalog.text AS schema_name, f.relname::pg_catalog.text AS table_name,
    tn.nspname::pg_catalog.text AS to_schema, t.relname::pg_catalog.text AS to_table,
    (
        SELECT array_agg(a.attname::pg_catalog.text ORDER BY x.place)
        FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS x (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = x.number
    ) AS columns,
    (
        SELECT array_agg(a.attname::pg_catalog.text ORDER BY x.place)
        FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS x (number, place)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = x.number
    ) AS to_columns,
    EXISTS (
        SELECT FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indkey[0] = ANY (k.conkey) AND i.indpred IS NULL
    ) AS is_indexed
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS f ON f.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.relnamespace
JOIN pg_catalog.pg_class AS t ON t.oid = k.confrelid
JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
ORDER BY f.relname, k.conname
