-- purpose: materialized view omninode.performance_summary: attempts by whole UTC hour of 30 days (O-13)
-- minimum version: 14
-- Times are those of successes only, as in get_performance_metrics; the window begins with a whole
-- hour, so that no hour is shown by a part of its attempts except the running one.
CREATE MATERIALIZED VIEW IF NOT EXISTS omninode.performance_summary AS
SELECT
    date_trunc('hour', created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS hour,
    count(*) AS total_events,
    avg(processing_time_ms) FILTER (WHERE kafka_publish_success) AS avg_processing_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY processing_time_ms)
        FILTER (WHERE kafka_publish_success) AS p95_processing_ms,
    count(*) FILTER (WHERE kafka_publish_success) AS successful_events,
    count(*) FILTER (WHERE NOT kafka_publish_success) AS failed_events,
    count(*) FILTER (WHERE kafka_publish_success IS NULL) AS unknown_events
FROM omninode.event_metrics
WHERE created_at >= date_trunc('hour', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '30 days'
GROUP BY 1;
COMMENT ON MATERIALIZED VIEW omninode.performance_summary IS
    'One row per UTC hour of the last 30 days with attempts; times of successes in milliseconds.';
