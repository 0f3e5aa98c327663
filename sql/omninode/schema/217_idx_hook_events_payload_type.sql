-- purpose: index idx_hook_events_payload_type: events by the type their payload names (O-07; a btree, since text has no GIN class, of a prefix, since a long text fits into none)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: omninode.idx_hook_events_payload_type
CREATE INDEX IF NOT EXISTS idx_hook_events_payload_type
    ON ONLY omninode.hook_events (left(payload ->> 'type', 200))
    WHERE payload ? 'type';
