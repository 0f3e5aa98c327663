-- purpose: index idx_hook_events_retry: events that were tried again (O-02)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: omninode.idx_hook_events_retry
CREATE INDEX IF NOT EXISTS idx_hook_events_retry
    ON ONLY omninode.hook_events (retry_count, created_at)
    WHERE retry_count > 0;
