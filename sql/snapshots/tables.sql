-- purpose: counters, live and dead rows, pages and last upkeep of every user table; index scans are added from the indexes
-- minimum version: 14
-- cadence: every sweep
SELECT /* perf-pipeline */
    c.oid AS relid, n.nspname AS schema_name, c.relname AS table_name,
    pg_catalog.pg_stat_get_numscans(c.oid) AS seq_scan,
    pg_catalog.pg_stat_get_tuples_returned(c.oid) AS seq_tup_read,
    pg_catalog.pg_stat_get_tuples_fetched(c.oid) AS idx_tup_fetch,
    pg_catalog.pg_stat_get_tuples_inserted(c.oid) AS n_tup_ins,
    pg_catalog.pg_stat_get_tuples_updated(c.oid) AS n_tup_upd,
    pg_catalog.pg_stat_get_tuples_deleted(c.oid) AS n_tup_del,
    pg_catalog.pg_stat_get_tuples_hot_updated(c.oid) AS n_tup_hot_upd,
    pg_catalog.pg_stat_get_vacuum_count(c.oid) AS vacuum_count,
    pg_catalog.pg_stat_get_autovacuum_count(c.oid) AS autovacuum_count,
    pg_catalog.pg_stat_get_analyze_count(c.oid) AS analyze_count,
    pg_catalog.pg_stat_get_autoanalyze_count(c.oid) AS autoanalyze_count,
    pg_catalog.pg_stat_get_live_tuples(c.oid) AS n_live_tup,
    pg_catalog.pg_stat_get_dead_tuples(c.oid) AS n_dead_tup,
    pg_catalog.pg_stat_get_mod_since_analyze(c.oid) AS n_mod_since_analyze,
    c.relpages,
    GREATEST(pg_catalog.pg_stat_get_last_vacuum_time(c.oid), pg_catalog.pg_stat_get_last_autovacuum_time(c.oid))
        AS last_vacuum,
    GREATEST(pg_catalog.pg_stat_get_last_analyze_time(c.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid))
        AS last_analyze,
    COALESCE(t.relpages, 0) AS toast_pages
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class AS t ON t.oid = c.reltoastrelid
WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
