-- purpose: index idx_event_metrics_performance_analysis: successes by time and duration (O-08)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_event_metrics_performance_analysis
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_event_metrics_performance_analysis
    ON omninode.event_metrics (created_at, processing_time_ms)
    WHERE kafka_publish_success = true;
