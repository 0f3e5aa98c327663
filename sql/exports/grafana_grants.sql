-- purpose: what a role that draws dashboards may do in the store: read, briefly
-- minimum version: 14
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'perf_grafana') THEN
        CREATE ROLE perf_grafana LOGIN;
    END IF;
END
$$;
ALTER ROLE perf_grafana SET statement_timeout = '10s';
ALTER ROLE perf_grafana SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA ledger, perf_mgmt, monitoring, maintenance TO perf_grafana;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger, perf_mgmt, monitoring, maintenance TO perf_grafana;
ALTER DEFAULT PRIVILEGES IN SCHEMA ledger, perf_mgmt, monitoring, maintenance
    GRANT SELECT ON TABLES TO perf_grafana;
