-- purpose: keep what a drain did, and for which cache types
-- minimum version: 14
WITH d AS (
    INSERT INTO maintenance.invalidation_drains (
        target, started_at, seconds, ended, folded, unknown, waiting, oldest_s, dead
    )
    VALUES (
        %(target)s, %(started_at)s, %(seconds)s, %(ended)s, %(folded)s, %(unknown)s, %(waiting)s, %(oldest_s)s,
        %(dead)s
    )
    RETURNING drain_id
), s AS (
    INSERT INTO maintenance.invalidation_served (
        drain_id, cache_type, changes, refreshed, changed_meanwhile, failed, dead, lost_lease,
        staleness_p50_s, staleness_p99_s, staleness_max_s, calls, process_s, slowest_s, down
    )
    SELECT
        d.drain_id, r.cache_type, r.changes, r.refreshed, r.changed_meanwhile, r.failed, r.dead, r.lost_lease,
        r.staleness_p50_s, r.staleness_p99_s, r.staleness_max_s, r.calls, r.process_s, r.slowest_s, nullif(r.down, '')
    FROM d
    CROSS JOIN jsonb_to_recordset(%(served)s::jsonb) AS r (
        cache_type text, changes bigint, refreshed bigint, changed_meanwhile bigint, failed bigint, dead bigint,
        lost_lease bigint, staleness_p50_s double precision, staleness_p99_s double precision,
        staleness_max_s double precision, calls bigint, process_s double precision, slowest_s double precision,
        down text
    )
)
SELECT drain_id FROM d
