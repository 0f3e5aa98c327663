-- purpose: index idx_hook_events_created_at: events by age (O-02)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: omninode.idx_hook_events_created_at
CREATE INDEX IF NOT EXISTS idx_hook_events_created_at
    ON ONLY omninode.hook_events (created_at DESC);
