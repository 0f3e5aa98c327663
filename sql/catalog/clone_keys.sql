-- purpose: key columns of the usable plain btree indexes of a database
-- minimum version: 14
SELECT n.nspname::text AS schema_name, c.relname::text AS table_name,
    array_agg(a.attname::text ORDER BY k.place) AS columns
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = i.relam AND m.amname = 'btree'
JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL AND k.place <= x.indnkeyatts
    AND n.nspname NOT LIKE 'pg\_%%'
GROUP BY n.nspname, c.relname, x.indexrelid
