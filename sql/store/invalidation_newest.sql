-- purpose: the newest drain of each target and cache type that made something anew, and what it did
-- minimum version: 14
SELECT DISTINCT ON (d.target, s.cache_type)
    d.target, s.cache_type, d.drain_id, s.changes, s.refreshed, s.changes - s.refreshed AS avoided,
    s.staleness_p50_s, s.staleness_p99_s, s.staleness_max_s
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s ON s.drain_id = d.drain_id
WHERE d.target = ANY (%(targets)s::text[]) AND d.started_at >= %(since)s::timestamptz AND s.refreshed > 0
ORDER BY d.target, s.cache_type, d.drain_id DESC
