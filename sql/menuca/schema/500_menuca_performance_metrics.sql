-- purpose: view menuca.performance_metrics: scans, changes and size per table, most scanned from end to end first (M-42)
-- minimum version: 14
CREATE OR REPLACE VIEW menuca.performance_metrics AS
SELECT
    s.schemaname AS schema_name,
    s.relname AS table_name,
    s.seq_scan,
    s.seq_tup_read,
    s.idx_scan,
    s.idx_tup_fetch,
    s.n_tup_ins,
    s.n_tup_upd,
    s.n_tup_del,
    s.n_live_tup,
    s.n_dead_tup,
    pg_total_relation_size(s.relid) AS total_bytes
FROM pg_catalog.pg_stat_user_tables AS s
JOIN pg_catalog.pg_class AS c ON c.oid = s.relid
WHERE c.relkind <> 'p'  -- a partitioned table holds nothing itself
ORDER BY s.seq_scan DESC, s.schemaname, s.relname;
COMMENT ON VIEW menuca.performance_metrics IS 'One row per table or partition: scans, changes and size in bytes.';
