-- purpose: function omninode.event_backlog: how many events wait, are at work, strand, are dead (O-17)
-- minimum version: 14
CREATE OR REPLACE FUNCTION omninode.event_backlog(stranded_after interval DEFAULT '1 hour')
RETURNS TABLE (ready bigint, claimed bigint, stranded bigint, dead bigint, oldest_at timestamptz)
LANGUAGE sql
STABLE
AS $$
    SELECT
        count(*) FILTER (WHERE w.tried AND w.free),
        count(*) FILTER (WHERE w.tried AND NOT w.free),
        count(*) FILTER (WHERE w.tried AND w.created_at < clock_timestamp() - stranded_after),
        count(*) FILTER (WHERE NOT w.tried),
        min(w.created_at) FILTER (WHERE w.tried AND w.free)
    FROM (
        SELECT
            e.created_at,
            e.retry_count < 10 AS tried,
            e.claimed_until IS NULL OR e.claimed_until < clock_timestamp() AS free
        FROM omninode.hook_events AS e
        WHERE NOT e.processed
    ) AS w
$$;
COMMENT ON FUNCTION omninode.event_backlog IS
    'One row: events to claim, claimed, waiting for longer than told, and dead; and since when the oldest waits.';
