-- purpose: number and times of the successes of a window, from the index alone
-- minimum version: 14
-- parameters: since, until
SELECT
    count(*) AS successes,
    avg(processing_time_ms) AS avg_processing_ms,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY processing_time_ms) AS p95_processing_ms
FROM omninode.event_metrics
WHERE kafka_publish_success = true AND created_at >= %(since)s AND created_at < %(until)s
