-- purpose: function omninode.monitor_connection_pool: the bridges clients and all of the servers (O-19)
-- minimum version: 14
CREATE OR REPLACE FUNCTION omninode.monitor_connection_pool()
RETURNS TABLE (metric_name text, metric_value numeric, status text)
LANGUAGE sql
STABLE
AS $$
    WITH seen AS (
        SELECT
            count(*) FILTER (WHERE application_name LIKE 'omninode\_bridge%') AS ours,
            count(*) FILTER (WHERE application_name LIKE 'omninode\_bridge%' AND state = 'active') AS ours_active,
            count(*) AS clients,
            current_setting('max_connections')::numeric AS most
        FROM pg_catalog.pg_stat_activity
        WHERE backend_type = 'client backend'
    ), found AS (
        SELECT 1 AS place, 'active_connections' AS name, ours_active::numeric AS value, 50.0 AS warning, NULL::numeric AS critical
        FROM seen
        UNION ALL
        SELECT 2, 'bridge_connections', ours, 0.8 * most, NULL FROM seen
        UNION ALL
        SELECT 3, 'total_connections', clients, 0.8 * most, NULL FROM seen
        UNION ALL
        SELECT 4, 'server_utilization_percent', round(100 * clients / most, 2), 70, 90 FROM seen
        UNION ALL
        SELECT 5, 'bridge_share_percent', round(100.0 * ours / most, 2), 70, 90 FROM seen
    )
    SELECT
        name,
        value,
        CASE WHEN value > critical THEN 'critical' WHEN value > warning THEN 'warning' ELSE 'ok' END
    FROM found
    ORDER BY place
$$;
COMMENT ON FUNCTION omninode.monitor_connection_pool IS
    'One row per metric of the connections: those of the bridge, and all clients against max_connections.';
