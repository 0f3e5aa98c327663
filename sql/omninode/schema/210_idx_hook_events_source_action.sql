-- purpose: index idx_hook_events_source_action: events of a source by action (O-02)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: omninode.idx_hook_events_source_action
CREATE INDEX IF NOT EXISTS idx_hook_events_source_action
    ON ONLY omninode.hook_events (source, action);
