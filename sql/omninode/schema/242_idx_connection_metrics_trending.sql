-- purpose: index idx_connection_metrics_trending: query times by time (O-10)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_connection_metrics_trending
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_connection_metrics_trending
    ON omninode.connection_metrics (recorded_at, avg_query_time_ms)
    WHERE avg_query_time_ms IS NOT NULL;
