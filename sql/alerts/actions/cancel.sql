-- purpose: cancel the statement of one client, if it is still the one that was looked at
-- minimum version: 14
-- grant: pg_signal_backend
SELECT /* perf-pipeline */ pg_catalog.pg_cancel_backend(a.pid) AS signalled
FROM pg_catalog.pg_stat_activity AS a
WHERE a.pid = %(pid)s AND a.query_start = %(query_start)s AND a.state = 'active'
    AND a.backend_type = 'client backend' AND a.datname = pg_catalog.current_database()
