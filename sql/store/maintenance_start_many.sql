-- purpose: write that operations start that are done together, and hold their locks as maintenance_start.sql does
-- minimum version: 14
WITH started AS (
    INSERT INTO maintenance.maintenance_log (target, operation, object, detail)
    SELECT %(target)s, %(operation)s, o.object, o.detail
    FROM unnest(%(objects)s::text[], %(details)s::jsonb[]) AS o (object, detail)
    RETURNING log_id, object
)
SELECT log_id, object, pg_catalog.pg_advisory_lock(1835101295, (log_id %% 2147483647)::integer)
FROM started
