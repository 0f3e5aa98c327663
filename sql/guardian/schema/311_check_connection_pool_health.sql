-- purpose: function guardian.check_connection_pool_health: the servers clients against max_connections (G-38)
-- minimum version: 14
CREATE OR REPLACE FUNCTION guardian.check_connection_pool_health()
RETURNS TABLE (metric_name text, metric_value bigint, max_connections integer, status text, advice text)
LANGUAGE sql
STABLE
AS $$
    -- all databases and all states: a slot is taken by whoever takes it
    WITH seen AS (
        SELECT
            count(*) FILTER (WHERE state = 'active') AS active,
            count(*) FILTER (WHERE state LIKE 'idle%') AS idle,
            count(*) AS total,
            current_setting('max_connections')::integer AS most
        FROM pg_catalog.pg_stat_activity
        WHERE backend_type = 'client backend'
    ), judged AS (
        SELECT 1 AS place, 'active' AS name, active AS value, most, active > most / 2.0 AS bad, 'WARNING' AS word,
            'look for slow statements, or pool by transaction' AS what
        FROM seen
        UNION ALL
        SELECT 2, 'idle', idle, most, idle > most / 4.0, 'WARNING', 'let the pool close idle sessions sooner'
        FROM seen
        UNION ALL
        SELECT 3, 'total', total, most, total > most * 0.8, 'CRITICAL', 'pool connections before new ones are refused'
        FROM seen
    )
    SELECT name, value, most, CASE WHEN bad THEN word ELSE 'OK' END, CASE WHEN bad THEN what END
    FROM judged
    ORDER BY place
$$;
COMMENT ON FUNCTION guardian.check_connection_pool_health IS
    'One row per kind of client of the whole server: number, limit, status, and advice where it is not OK.';
