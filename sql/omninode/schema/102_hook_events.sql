-- purpose: table omninode.hook_events: one row per event received, by month (O-02, O-11)
-- minimum version: 14
-- The lengths are those that fit into every index below: an event that is longer is refused with its
-- reason, not by an index.
CREATE TABLE IF NOT EXISTS omninode.hook_events (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    source text NOT NULL CHECK (length(source) BETWEEN 1 AND 200),
    action text NOT NULL CHECK (length(action) BETWEEN 1 AND 200),
    resource text CHECK (length(resource) <= 200),
    resource_id text CHECK (length(resource_id) <= 200),
    payload jsonb NOT NULL DEFAULT '{}',
    processed boolean NOT NULL DEFAULT false,
    processing_errors text[] NOT NULL DEFAULT '{}',
    retry_count integer NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
    claimed_by text,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, created_at),
    FOREIGN KEY (id, created_at) REFERENCES omninode.hook_event_keys (id, created_at),
    CHECK ((claimed_by IS NULL) = (claimed_until IS NULL))
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE omninode.hook_events IS 'One row per event received, by month of its creation (UTC).';
