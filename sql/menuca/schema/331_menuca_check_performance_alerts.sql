-- purpose: function menuca.check_performance_alerts: each alert with its value, announced if it fires (M-44 to M-46)
-- minimum version: 14
CREATE OR REPLACE FUNCTION menuca.check_performance_alerts()
RETURNS TABLE (alert_type text, value double precision, threshold double precision, firing boolean, note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    FOR alert_type, value, threshold, note IN
        SELECT
            'slow_queries',
            (SELECT count(*) FROM menuca.slow_statements(2000) AS s WHERE s.calls > 100)::double precision,
            10::double precision,
            'statements with a mean above 2000 ms and more than 100 calls'
        UNION ALL
        SELECT
            'high_connections',
            100.0 * (SELECT count(*) FROM pg_stat_activity AS a WHERE a.backend_type = 'client backend')
            / current_setting('max_connections')::integer,
            80,
            'per cent of max_connections that clients hold'
        UNION ALL
        SELECT 'high_cpu', NULL, NULL, 'not available: the server does not tell; needs a source on the host'
    LOOP
        firing := coalesce(value > threshold, false);
        IF firing AND NOT pg_is_in_recovery() THEN
            PERFORM pg_notify(
                'performance_alert',
                json_build_object('type', alert_type, 'value', value, 'threshold', threshold)::text
            );
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION menuca.check_performance_alerts()
    IS 'One row per alert: its value, its limit and whether it fires; firing ones are announced on performance_alert.';
