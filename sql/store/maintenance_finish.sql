-- purpose: write how an operation ended; also over a row closed as killed by one who could not see its writer; the lock goes
-- minimum version: 14
UPDATE maintenance.maintenance_log
SET outcome = %(outcome)s, finished_at = pg_catalog.clock_timestamp(),
    rows = %(rows)s::bigint, bytes = %(bytes)s::bigint, lock_wait_ms = %(lock_wait_ms)s::double precision,
    statement_digest = COALESCE(%(statement_digest)s, statement_digest),
    error = %(error)s, detail = detail || %(detail)s::jsonb
WHERE log_id = %(log_id)s
RETURNING pg_catalog.pg_advisory_unlock(1835101295, (log_id %% 2147483647)::integer)
