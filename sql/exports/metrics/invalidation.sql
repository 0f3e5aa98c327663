-- purpose: what was done since midnight UTC for cached values that were out of date
-- minimum version: 14
-- kind: counter
-- labels: target, cache_type
SELECT
    d.target,
    s.cache_type,
    sum(s.changes)::double precision AS changes,
    sum(s.refreshed)::double precision AS refreshes,
    sum(s.changes - s.refreshed)::double precision AS refreshes_avoided,
    sum(s.failed)::double precision AS failures,
    sum(s.dead)::double precision AS died,
    sum(s.calls)::double precision AS calls,
    sum(s.process_s) AS process_seconds
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s USING (drain_id)
WHERE d.started_at > %(since)s AND d.started_at <= %(now)s
GROUP BY d.target, s.cache_type
