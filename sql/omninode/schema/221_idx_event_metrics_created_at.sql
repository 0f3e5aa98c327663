-- purpose: index idx_event_metrics_created_at: attempts by age (O-03)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_event_metrics_created_at
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_event_metrics_created_at
    ON omninode.event_metrics (created_at DESC);
