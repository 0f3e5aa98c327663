-- purpose: the client of a database whose statement runs longest, if that is long enough; no superuser's, none of ours
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor)
SELECT /* perf-pipeline */ a.pid, a.query_start, a.usename AS role, a.application_name, a.query_id,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.query_start)::pg_catalog.float8 AS seconds
FROM pg_catalog.pg_stat_activity AS a
JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
WHERE a.datname = pg_catalog.current_database() AND a.backend_type = 'client backend'
    AND a.state = 'active' AND NOT r.rolsuper AND a.pid <> pg_catalog.pg_backend_pid()
    AND a.application_name NOT LIKE 'perf-pipeline%%' AND a.application_name NOT LIKE 'pg_dump%%'
    AND a.query_start < pg_catalog.clock_timestamp() - %(seconds)s::pg_catalog.float8 * INTERVAL '1 second'
ORDER BY a.query_start
LIMIT 1
