-- purpose: the partitions of the store's tables with their bounds (UTC days) and bytes, indexes and all included
-- minimum version: 14
SELECT
    n.nspname::text AS schema, p.relname::text AS parent, c.relname::text AS name,
    pg_catalog.substring(pg_catalog.pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(\d+-\d+-\d+)')::date AS start,
    pg_catalog.substring(pg_catalog.pg_get_expr(c.relpartbound, c.oid), 'TO \(''(\d+-\d+-\d+)')::date AS "end",
    pg_catalog.pg_total_relation_size(c.oid) AS bytes
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent AND p.relkind = 'p'
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.relnamespace
WHERE n.nspname IN ('ledger', 'perf_mgmt')
ORDER BY start, schema, parent
