-- purpose: index idx_hook_events_processing_queue: the queue: events to process, oldest first (O-07)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: omninode.idx_hook_events_processing_queue
CREATE INDEX IF NOT EXISTS idx_hook_events_processing_queue
    ON ONLY omninode.hook_events (created_at, retry_count)
    WHERE NOT processed AND retry_count < 10;
