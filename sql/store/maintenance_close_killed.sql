-- purpose: close the rows of operations whose writer is gone (its session's lock is free)
-- minimum version: 14
WITH running AS MATERIALIZED (
    SELECT log_id FROM maintenance.maintenance_log
    WHERE outcome = 'running' AND (%(target)s::text IS NULL OR target = %(target)s::text)
    ORDER BY log_id
),
gone AS MATERIALIZED (
    SELECT log_id FROM running
    WHERE pg_catalog.pg_try_advisory_xact_lock(1835101295, (log_id %% 2147483647)::integer)
)
UPDATE maintenance.maintenance_log AS l
SET outcome = 'killed', finished_at = pg_catalog.clock_timestamp(),
    error = 'the process that did it ended without a word'
FROM gone
WHERE l.log_id = gone.log_id AND l.outcome = 'running'
RETURNING l.log_id, l.operation, l.object
