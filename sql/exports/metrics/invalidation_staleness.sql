-- purpose: how stale cached values had been, of the last hour's drains the worst; no row where none was refreshed
-- minimum version: 14
-- kind: gauge
-- labels: target, cache_type
SELECT
    d.target,
    s.cache_type,
    max(s.staleness_p50_s) AS p50_seconds,
    max(s.staleness_p99_s) AS p99_seconds,
    max(s.staleness_max_s) AS max_seconds,
    max(s.slowest_s) AS slowest_call_seconds
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s USING (drain_id)
WHERE d.started_at > %(now)s::timestamptz - INTERVAL '1 hour' AND d.started_at <= %(now)s
GROUP BY d.target, s.cache_type
HAVING sum(s.refreshed) > 0
