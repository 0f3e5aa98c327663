-- purpose: view guardian.system_performance_metrics: size, activity and cache of this database (G-19)
-- minimum version: 14
-- Slow statements of the last hour are in no view of a server: the ledger of sweeps has them.
CREATE OR REPLACE VIEW guardian.system_performance_metrics AS
SELECT 'database_size' AS metric_name, pg_database_size(current_database())::numeric AS metric_value, 'bytes' AS unit
UNION ALL
SELECT 'active_connections', count(*), 'connections'
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend' AND state = 'active' AND datname = current_database()
UNION ALL
SELECT 'cache_hit_ratio', round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2), 'percent'
FROM pg_catalog.pg_stat_database
WHERE datname = current_database();
COMMENT ON VIEW guardian.system_performance_metrics IS
    'One row per metric of this database; the ratio is null before the first block was read.';
