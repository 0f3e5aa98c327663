-- purpose: index idx_hook_events_resource_lookup: events of a resource, newest first (O-07)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: omninode.idx_hook_events_resource_lookup
CREATE INDEX IF NOT EXISTS idx_hook_events_resource_lookup
    ON ONLY omninode.hook_events (resource, resource_id, created_at DESC);
