-- purpose: the replication slots of a target's server at its last sweep in a span, those that keep most first
-- minimum version: 14
-- hot only: the hour, or the week, before a sweep that was just taken
WITH newest AS (
    SELECT s.server_target_id AS holder, (
        SELECT max(w.ts) FROM ledger.sweeps AS w
        WHERE w.target_id = s.server_target_id
            AND w.ts > %(start)s AND w.ts <= %(finish)s
    ) AS ts
    FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts = %(finish)s
)
SELECT
    s.slot_name AS slot, s.slot_type AS type, s.database_name AS database, s.active, s.wal_status,
    s.retained_bytes, s.safe_wal_bytes, s.xmin_age, s.catalog_xmin_age, s.invalidation_reason,
    s.inactive_seconds AS inactive_s,
    max(s.retained_bytes) OVER () AS all_retained,
    count(*) FILTER (WHERE NOT s.active) OVER () AS all_inactive
FROM ledger.slots AS s JOIN newest AS n ON s.target_id = n.holder AND s.ts = n.ts
ORDER BY s.retained_bytes DESC NULLS LAST, s.slot_name
LIMIT %(most)s
