-- purpose: attempts, failures and times of one hour (UTC), without the materialized view
-- minimum version: 14
-- parameters: hour (timestamp without time zone)
SELECT
    count(*) AS attempts,
    count(*) FILTER (WHERE NOT kafka_publish_success) AS failures,
    avg(processing_time_ms) FILTER (WHERE kafka_publish_success) AS avg_processing_ms
FROM omninode.event_metrics
WHERE date_trunc('hour', created_at AT TIME ZONE 'UTC') = %(hour)s::timestamp
