-- purpose: view guardian.apm_metrics_export: one row for a monitor of applications (G-95)
-- minimum version: 14
CREATE OR REPLACE VIEW guardian.apm_metrics_export AS
SELECT
    'guardian_database' AS service_name,
    (m.all_metrics -> 'cache_performance' ->> 'avg_generation_ms')::double precision AS avg_cache_generation_ms,
    (m.all_metrics -> 'database_performance' ->> 'cache_hit_percent')::numeric AS cache_hit_percent,
    (m.all_metrics -> 'connection_metrics' ->> 'active')::bigint AS active_connections,
    (m.all_metrics -> 'queue_performance' ->> 'pending')::bigint AS pending_invalidations,
    CASE
        WHEN 'CRITICAL' = ANY (m.states) THEN 'CRITICAL'
        WHEN 'WARNING' = ANY (m.states) THEN 'WARNING'
        ELSE 'OK'
    END AS health,
    clock_timestamp() AS measured_at
FROM (
    SELECT jsonb_object_agg(d.category, d.metrics) AS all_metrics, array_agg(d.status) AS states
    FROM guardian.performance_dashboard_metrics AS d
) AS m;
COMMENT ON VIEW guardian.apm_metrics_export IS 'One row: the figures a monitor of applications asks for, and the worst status.';
