-- purpose: clients of a database by state, with how long the oldest transaction and the longest idle one are open; ours left out
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor)
SELECT /* perf-pipeline */
    count(*) AS sessions,
    count(*) FILTER (WHERE a.state = 'active') AS active,
    count(*) FILTER (WHERE a.state = 'idle') AS idle,
    count(*) FILTER (WHERE a.state LIKE 'idle in transaction%%') AS idle_in_transaction,
    count(*) FILTER (WHERE a.wait_event_type = 'Lock') AS waiting_for_locks,
    pg_catalog.max(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.xact_start))::pg_catalog.float8 AS oldest_transaction_s,
    pg_catalog.max(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.state_change))
        FILTER (WHERE a.state LIKE 'idle in transaction%%')::pg_catalog.float8 AS longest_idle_s,
    pg_catalog.current_setting('max_connections')::pg_catalog.int4 AS max_connections
FROM pg_catalog.pg_stat_activity AS a
WHERE a.datname = pg_catalog.current_database() AND a.backend_type = 'client backend'
    AND a.application_name NOT LIKE 'perf-pipeline%%'
