-- purpose: function omninode.get_performance_metrics: times of successes and share of errors (O-18)
-- minimum version: 14
CREATE OR REPLACE FUNCTION omninode.get_performance_metrics(
    start_time timestamptz DEFAULT now() - interval '1 hour', end_time timestamptz DEFAULT now()
)
RETURNS TABLE (
    total_events bigint,
    unknown_events bigint,
    avg_processing_ms double precision,
    p95_processing_ms double precision,
    error_rate_percent numeric
)
LANGUAGE sql
STABLE
AS $$
    SELECT
        count(*),
        count(*) FILTER (WHERE kafka_publish_success IS NULL),
        avg(processing_time_ms) FILTER (WHERE kafka_publish_success),
        percentile_cont(0.95) WITHIN GROUP (ORDER BY processing_time_ms)
            FILTER (WHERE kafka_publish_success),
        -- of those with an outcome; no outcome in the window, no rate
        round(
            100.0 * count(*) FILTER (WHERE NOT kafka_publish_success)
            / nullif(count(kafka_publish_success), 0),
            2
        )
    FROM omninode.event_metrics
    WHERE created_at >= start_time AND created_at < end_time
$$;
COMMENT ON FUNCTION omninode.get_performance_metrics IS
    'Times of successes (ms) and share of errors (percent of known outcomes) from start to before end.';
