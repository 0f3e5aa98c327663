-- purpose: what the write-ahead log tells of the old row of each table that is captured from it
-- minimum version: 14
SELECT /* perf-pipeline */
    s.name AS source_name,
    c.oid::regclass::text AS table_name,
    c.relkind = 'p' AS is_partitioned,
    c.relpersistence <> 'p' AS is_unlogged,
    c.relreplident AS identity,
    coalesce(k.columns, '{}') AS keys,
    (SELECT pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_attribute AS a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns
FROM pg_catalog.unnest(%(names)s::text[]) AS s (name)
CROSS JOIN LATERAL (
    SELECT pg_catalog.to_regclass(s.name) AS relid
    UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(s.name)) AS p
) AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
LEFT JOIN LATERAL (
    SELECT pg_catalog.array_agg(a.attname::text) AS columns
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = c.oid
        AND (((c.relreplident = 'd' OR c.relkind = 'p') AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))
) AS k ON true
ORDER BY s.name, c.oid::regclass::text
