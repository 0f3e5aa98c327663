-- purpose: index idx_event_metrics_errors: failures by time and message (O-08; a prefix, since a long message fits into no btree)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_event_metrics_errors
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_event_metrics_errors
    ON omninode.event_metrics (created_at, left(error_message, 200))
    WHERE kafka_publish_success = false AND error_message IS NOT NULL;
