-- purpose: end sessions of ours whose COPY waits for rows that do not come: no limit of the server sees them, TCP only after hours
-- minimum version: 14
SELECT pg_catalog.pg_terminate_backend(a.pid)
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = pg_catalog.current_database() AND a.usename = current_user
    AND a.application_name LIKE 'perf-pipeline%%' AND a.pid <> pg_catalog.pg_backend_pid()
    AND a.state = 'active' AND a.wait_event = 'ClientRead' AND a.query LIKE 'COPY%%FROM STDIN%%'
    AND a.query_start < pg_catalog.clock_timestamp() - %(silent)s::interval
