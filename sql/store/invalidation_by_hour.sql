-- purpose: what was invalidated by the hour of some days, per cache type
-- minimum version: 14
-- Percentiles of drains cannot be added: the largest of an hour's p99 is at least the hour's.
SELECT
    date_trunc('hour', d.started_at, 'UTC') AS hour,
    s.cache_type,
    sum(s.changes)::bigint AS changes,
    sum(s.refreshed)::bigint AS refreshed,
    sum(s.failed)::bigint AS failed,
    sum(s.dead)::bigint AS dead,
    sum(s.process_s) AS process_s,
    max(s.slowest_s) AS slowest_s,
    max(s.staleness_p50_s) AS staleness_p50_s,
    max(s.staleness_p99_s) AS staleness_p99_s,
    max(s.staleness_max_s) AS staleness_max_s
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s ON s.drain_id = d.drain_id
WHERE d.target = %(target)s::text
    AND d.started_at >= %(since)s::timestamptz
    AND d.started_at < %(until)s::timestamptz
GROUP BY 1, 2
ORDER BY 1, 2
