-- purpose: function omninode.get_pending_events: claims the oldest events to process, with a lease (O-17)
-- minimum version: 14
-- A claim outlives its transaction, so that a second worker gets other events; when its lease ends,
-- the event can be claimed again. There is no limit of age: an event that waits long is told by
-- stranded_events and still processed.
CREATE OR REPLACE FUNCTION omninode.get_pending_events(
    limit_count integer DEFAULT 100,
    worker text DEFAULT NULL,  -- default: this session
    lease interval DEFAULT '1 minute'
)
RETURNS SETOF omninode.hook_events
LANGUAGE sql
AS $$
    WITH due AS (
        SELECT e.id, e.created_at
        FROM omninode.hook_events AS e
        WHERE NOT e.processed
          AND e.retry_count < 10
          AND (e.claimed_until IS NULL OR e.claimed_until < clock_timestamp())
        ORDER BY e.created_at
        LIMIT limit_count
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE omninode.hook_events AS e
        SET claimed_by = coalesce(worker, 'pid ' || pg_backend_pid()),
            claimed_until = clock_timestamp() + lease,
            updated_at = clock_timestamp()
        FROM due
        WHERE e.id = due.id AND e.created_at = due.created_at
        RETURNING e.*
    )
    SELECT * FROM claimed ORDER BY created_at, id
$$;
COMMENT ON FUNCTION omninode.get_pending_events IS
    'Claims the oldest events to process for a worker until its lease ends, and returns them.';
