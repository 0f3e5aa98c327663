-- purpose: delete what old drains did; returns how many drains
-- minimum version: 14
WITH gone AS (
    DELETE FROM maintenance.invalidation_drains
    WHERE drain_id IN (
        SELECT drain_id
        FROM maintenance.invalidation_drains
        WHERE started_at < %(before)s::timestamptz
        ORDER BY drain_id
        LIMIT %(batch)s::bigint
    )
    RETURNING drain_id
)
SELECT count(*) AS rows FROM gone
