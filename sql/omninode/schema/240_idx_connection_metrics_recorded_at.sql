-- purpose: index idx_connection_metrics_recorded_at: looks by age (O-05)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_connection_metrics_recorded_at
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_connection_metrics_recorded_at
    ON omninode.connection_metrics (recorded_at DESC);
