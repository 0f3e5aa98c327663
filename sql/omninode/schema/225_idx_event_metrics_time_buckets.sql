-- purpose: index idx_event_metrics_time_buckets: attempts by UTC hour (O-08; of timestamptz alone the hour is not immutable)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_event_metrics_time_buckets
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_event_metrics_time_buckets
    ON omninode.event_metrics (date_trunc('hour', created_at AT TIME ZONE 'UTC'), processing_time_ms, kafka_publish_success);
