-- purpose: function guardian.export_performance_metrics_json: all figures and what is not well, as JSON (G-96)
-- minimum version: 14
-- STABLE: it reads, and cannot carry out an answer to what it tells.
CREATE OR REPLACE FUNCTION guardian.export_performance_metrics_json()
RETURNS jsonb
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'timestamp', clock_timestamp(),
        'service', 'guardian-database',
        'metrics', jsonb_object_agg(d.category, d.metrics),
        'alerts', coalesce(
            jsonb_agg(jsonb_build_object('category', d.category, 'severity', d.status))
                FILTER (WHERE d.status IN ('WARNING', 'CRITICAL')),
            '[]'
        )
    )
    FROM guardian.performance_dashboard_metrics AS d
$$;
COMMENT ON FUNCTION guardian.export_performance_metrics_json() IS
    'The figures of guardian.performance_dashboard_metrics and what is not well; it changes nothing.';
