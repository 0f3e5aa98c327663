-- purpose: a worker claims up to ten events, measures and finishes each; one of twelve fails
-- minimum version: 14
-- weight: 22
\set took random(5, 400)
INSERT INTO omninode.event_metrics (event_id, processing_time_ms, kafka_publish_success, error_message)
SELECT
    e.id,
    :took,
    error IS NULL AND omninode.finish_event(e.id, e.created_at, 'worker ' || :client_id::integer, error),
    error
FROM omninode.get_pending_events(10, 'worker ' || :client_id::integer) AS e
CROSS JOIN LATERAL (
    SELECT CASE WHEN get_byte(uuid_send(e.id), 0) < 21 THEN 'broker timed out' END
) AS outcome (error)
WHERE error IS NULL
   OR omninode.finish_event(e.id, e.created_at, 'worker ' || :client_id::integer, error);
