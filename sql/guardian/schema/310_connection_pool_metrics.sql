-- purpose: view guardian.connection_pool_metrics: clients by state, application and address (G-37)
-- minimum version: 14
CREATE OR REPLACE VIEW guardian.connection_pool_metrics AS
SELECT
    state,
    application_name,
    client_addr,
    count(*) AS connections,
    avg(extract(epoch FROM clock_timestamp() - state_change))::double precision AS avg_seconds_in_state
FROM pg_catalog.pg_stat_activity
WHERE backend_type = 'client backend'
GROUP BY state, application_name, client_addr;
COMMENT ON VIEW guardian.connection_pool_metrics IS
    'One row per state, application and address of the server''s clients.';
