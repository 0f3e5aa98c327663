-- purpose: how stale cached values had been when they were refreshed: the 99th percentile of each drain
-- minimum version: 14
-- panel: timeseries
-- unit: s
SELECT d.started_at AS time, s.cache_type AS metric, s.staleness_p99_s AS value
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s USING (drain_id)
WHERE d.target = %(target)s AND d.started_at > %(start)s AND d.started_at <= %(finish)s
    AND s.staleness_p99_s IS NOT NULL
ORDER BY 1
