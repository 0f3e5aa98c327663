-- purpose: whether a client still runs the statement that was looked at
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor)
SELECT /* perf-pipeline */ count(*) > 0 AS running
FROM pg_catalog.pg_stat_activity AS a
WHERE a.pid = %(pid)s AND a.query_start = %(query_start)s AND a.state = 'active'
