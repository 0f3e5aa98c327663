-- purpose: write that an operation starts, and hold its lock for as long as this session lives: who finds the row running and the lock free knows that its writer is gone
-- minimum version: 14
WITH started AS (
    INSERT INTO maintenance.maintenance_log (target, operation, object, statement_digest, detail)
    VALUES (%(target)s, %(operation)s, %(object)s, %(statement_digest)s, %(detail)s)
    RETURNING log_id
)
SELECT log_id, pg_catalog.pg_advisory_lock(1835101295, (log_id %% 2147483647)::integer)
FROM started
