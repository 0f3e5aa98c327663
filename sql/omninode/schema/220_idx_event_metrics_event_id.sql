-- purpose: index idx_event_metrics_event_id: the attempts of an event (O-03)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_event_metrics_event_id
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_event_metrics_event_id
    ON omninode.event_metrics (event_id);
