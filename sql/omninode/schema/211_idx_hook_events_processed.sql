-- purpose: index idx_hook_events_processed: events not yet processed, newest first (O-02)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: omninode.idx_hook_events_processed
CREATE INDEX IF NOT EXISTS idx_hook_events_processed
    ON ONLY omninode.hook_events (processed, created_at DESC)
    WHERE NOT processed;
