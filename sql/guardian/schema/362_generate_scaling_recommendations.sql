-- purpose: function guardian.generate_scaling_recommendations: how urgent more of a resource is (G-77)
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.generate_scaling_recommendations()
RETURNS TABLE (resource_type text, utilization_percent numeric, priority text, within interval, advice text)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        m.resource_type,
        m.utilization_percent,
        CASE
            WHEN m.utilization_percent > 90 THEN 'CRITICAL'
            WHEN m.utilization_percent > 80 THEN 'HIGH'
            WHEN m.utilization_percent > 70 THEN 'MEDIUM'
            WHEN m.utilization_percent IS NOT NULL THEN 'LOW'
            ELSE 'UNKNOWN'
        END,
        CASE
            WHEN m.utilization_percent > 90 THEN interval '24 hours'
            WHEN m.utilization_percent > 80 THEN interval '7 days'
            WHEN m.utilization_percent > 70 THEN interval '1 month'
        END,
        CASE
            WHEN m.utilization_percent > 70 AND m.resource_type = 'connections'
                THEN 'pool connections, or raise max_connections'
            WHEN m.utilization_percent > 70 AND m.resource_type = 'temporary_files'
                THEN 'raise work_mem for the statements that spill, or temp_file_limit'
        END
    FROM guardian.system_resource_metrics AS m
$$;
COMMENT ON FUNCTION guardian.generate_scaling_recommendations() IS
    'One row per resource: how full, how urgent, and what to do about it.';
