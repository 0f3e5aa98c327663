-- purpose: table omninode.hook_event_keys: one row per event id, whichever month holds the event (O-11, O-20)
-- minimum version: 14
-- A key of a partitioned table has to hold the partition column, so that alone the same id could
-- come again in another month. This table knows each id once; the events refer to it.
CREATE TABLE IF NOT EXISTS omninode.hook_event_keys (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    UNIQUE (id, created_at)
);
COMMENT ON TABLE omninode.hook_event_keys IS 'One row per event id, whichever month holds the event.';
