-- purpose: what the drains of a target did for each cache type, newest first
-- minimum version: 14
SELECT
    d.drain_id, d.target, d.started_at, d.seconds, d.ended, d.folded, d.unknown, d.waiting, d.oldest_s,
    d.dead AS dead_left, s.cache_type, s.changes,
    s.refreshed, s.changes - s.refreshed AS avoided, s.changed_meanwhile, s.failed, s.dead, s.lost_lease,
    s.staleness_p50_s, s.staleness_p99_s, s.staleness_max_s, s.calls, s.process_s, s.slowest_s, s.down
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s ON s.drain_id = d.drain_id
WHERE d.target = %(target)s::text AND d.started_at >= %(since)s::timestamptz
ORDER BY d.started_at DESC, d.drain_id DESC, s.cache_type
LIMIT %(limit)s::bigint
