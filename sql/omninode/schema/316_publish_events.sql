-- purpose: function omninode.publish_events: hands a batch of events to whoever listens (O-17)
-- minimum version: 14
-- One notification for up to 150 events of one topic, not one for each: whoever publishes them reads
-- them by their ids.
CREATE OR REPLACE FUNCTION omninode.publish_events(event_ids uuid[], event_created_ats timestamptz[])
RETURNS TABLE (id uuid, error text)
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify(
        'omninode_events', jsonb_build_object('topic', n.topic, 'ids', jsonb_agg(n.id ORDER BY n.place))::text
    )
    FROM (
        SELECT
            h.id,
            h.source || '.' || h.action AS topic,
            e.place,
            row_number() OVER (PARTITION BY h.source, h.action ORDER BY e.place) AS nth
        FROM unnest(event_ids, event_created_ats) WITH ORDINALITY AS e (id, created_at, place)
        JOIN omninode.hook_events AS h ON h.id = e.id AND h.created_at = e.created_at
    ) AS n
    GROUP BY n.topic, (n.nth - 1) / 150;

    RETURN QUERY
    SELECT e.id, CASE WHEN h.id IS NULL THEN 'the event is gone' END
    FROM unnest(event_ids, event_created_ats) AS e (id, created_at)
    LEFT JOIN omninode.hook_events AS h ON h.id = e.id AND h.created_at = e.created_at;
END
$$;
COMMENT ON FUNCTION omninode.publish_events IS
    'Notifies omninode_events of a batch: topic and ids. One row per event, with an error where it was not told.';
