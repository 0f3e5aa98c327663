-- purpose: how often each index of a user table was used, and its pages
-- minimum version: 14
-- cadence: every sweep
SELECT /* perf-pipeline */
    i.indexrelid, i.indrelid AS relid, n.nspname AS schema_name, t.relname AS table_name,
    c.relname AS index_name,
    pg_catalog.pg_stat_get_numscans(i.indexrelid) AS idx_scan,
    pg_catalog.pg_stat_get_tuples_returned(i.indexrelid) AS idx_tup_read,
    pg_catalog.pg_stat_get_tuples_fetched(i.indexrelid) AS idx_tup_fetch,
    c.relpages,
    i.indisunique OR i.indisexclusion AS is_unique
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE t.relkind IN ('r', 'm', 'p') AND t.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
