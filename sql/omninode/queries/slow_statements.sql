-- purpose: the ten statements on events and their metrics with the highest mean time (O-25)
-- minimum version: 14
SELECT /* perf-pipeline */
    s.queryid,
    s.query,
    s.calls,
    s.total_exec_time AS total_ms,
    s.mean_exec_time AS mean_ms,
    s.stddev_exec_time AS stddev_ms,
    s.rows,
    round(100.0 * s.shared_blks_hit / nullif(s.shared_blks_hit + s.shared_blks_read, 0), 2) AS hit_percent
FROM public.pg_stat_statements(true) AS s
WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND s.query ~* '^\s*(/\*.*?\*/|--[^\n]*\n|\s)*(select|insert|update|delete|merge|with)\y'
  AND s.query ~* '\y(hook_events|event_metrics)\y'
  AND s.query NOT LIKE '%%perf-pipeline%%'
ORDER BY s.mean_exec_time DESC, s.queryid
LIMIT 10
