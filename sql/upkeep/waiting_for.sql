-- purpose: who waits for a session of ours, and for how long, the longest first; waits of autovacuum do not count
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it other users' waits are not shown
-- cadence: four times a second while a long statement of upkeep runs
-- scope: database
SELECT /* perf-pipeline */ w.pid, w.seconds
FROM (
    SELECT a.pid, EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - min(l.waitstart))::pg_catalog.float8 AS seconds
    FROM pg_catalog.pg_stat_activity AS a
    JOIN pg_catalog.pg_locks AS l ON l.pid = a.pid AND NOT l.granted
    WHERE a.wait_event_type = 'Lock' AND a.backend_type <> 'autovacuum worker'
    GROUP BY a.pid
) AS w
WHERE w.seconds >= %(patience_s)s AND %(pid)s::pg_catalog.int4 = ANY (pg_catalog.pg_blocking_pids(w.pid))
ORDER BY w.seconds DESC
