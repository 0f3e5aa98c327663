-- purpose: writes, dead rows, size and last upkeep of each table, a partitioned one as a whole (O-26)
-- minimum version: 14
SELECT /* perf-pipeline */
    root.relname AS table_name,
    sum(s.n_tup_ins)::bigint AS inserts,
    sum(s.n_tup_upd)::bigint AS updates,
    sum(s.n_tup_del)::bigint AS deletes,
    sum(s.n_live_tup)::bigint AS live_rows,
    sum(s.n_dead_tup)::bigint AS dead_rows,
    round(100.0 * sum(s.n_dead_tup) / nullif(sum(s.n_live_tup + s.n_dead_tup), 0), 2) AS dead_percent,
    sum(pg_total_relation_size(s.relid))::bigint AS size_bytes,
    max(greatest(s.last_vacuum, s.last_autovacuum)) AS last_vacuum,
    max(greatest(s.last_analyze, s.last_autoanalyze)) AS last_analyze
FROM pg_catalog.pg_stat_user_tables AS s
JOIN pg_catalog.pg_class AS root ON root.oid = coalesce(pg_partition_root(s.relid), s.relid)
WHERE s.schemaname = 'omninode'
GROUP BY root.relname
ORDER BY size_bytes DESC, table_name
