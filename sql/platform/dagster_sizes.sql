-- purpose: what Dagster's own database holds: its largest tables with indexes, and the whole
-- minimum version: 14
SELECT relname AS name, pg_catalog.pg_total_relation_size(oid) AS bytes,
    pg_catalog.pg_database_size(pg_catalog.current_database()) AS database_bytes
FROM pg_catalog.pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
ORDER BY bytes DESC, name
LIMIT 10
