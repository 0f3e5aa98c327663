-- purpose: the newest operations of maintenance, newest first
-- minimum version: 14
SELECT
    log_id, target, operation, object, started_at, finished_at, outcome, rows, bytes, lock_wait_ms,
    statement_digest, error, detail
FROM maintenance.maintenance_log
WHERE (%(target)s::text IS NULL OR target = %(target)s::text)
    AND (%(operation)s::text IS NULL OR operation = %(operation)s::text)
    AND (%(object)s::text IS NULL OR object = %(object)s::text)
ORDER BY started_at DESC, log_id DESC
LIMIT %(limit)s::bigint
