-- purpose: index idx_event_metrics_performance: attempts by time taken and outcome (O-03)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_event_metrics_performance
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_event_metrics_performance
    ON omninode.event_metrics (processing_time_ms, kafka_publish_success);
