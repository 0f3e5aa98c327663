-- purpose: the attempts of the newest failures
-- minimum version: 14
-- weight: 6
SELECT f.event_id, m.processing_time_ms, m.kafka_publish_success, m.created_at
FROM (
    SELECT event_id
    FROM omninode.event_metrics
    WHERE kafka_publish_success = false AND error_message IS NOT NULL
    ORDER BY created_at DESC
    LIMIT 5
) AS f
JOIN omninode.event_metrics AS m ON m.event_id = f.event_id;
