-- purpose: write how operations ended that were done together; their locks go
-- minimum version: 14
UPDATE maintenance.maintenance_log AS l
SET outcome = o.outcome, finished_at = pg_catalog.clock_timestamp(),
    rows = o.rows, lock_wait_ms = o.lock_wait_ms, error = o.error, detail = l.detail || o.detail
FROM unnest(
    %(log_ids)s::bigint[], %(outcomes)s::text[], %(rows)s::bigint[], %(lock_wait_ms)s::double precision[],
    %(errors)s::text[], %(details)s::jsonb[]
) AS o (log_id, outcome, rows, lock_wait_ms, error, detail)
WHERE l.log_id = o.log_id
RETURNING pg_catalog.pg_advisory_unlock(1835101295, (l.log_id %% 2147483647)::integer)
