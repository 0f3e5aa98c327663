-- purpose: index idx_connection_metrics_analysis: looks by UTC hour with the size of the pool (O-10)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_connection_metrics_analysis
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_connection_metrics_analysis
    ON omninode.connection_metrics (date_trunc('hour', recorded_at AT TIME ZONE 'UTC'), pool_size, active_connections);
