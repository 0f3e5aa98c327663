-- purpose: the longest call of a processing function, by drain
-- minimum version: 14
-- panel: timeseries
-- unit: s
SELECT d.started_at AS time, s.cache_type AS metric, s.slowest_s AS value
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s USING (drain_id)
WHERE d.target = %(target)s AND d.started_at > %(start)s AND d.started_at <= %(finish)s AND s.calls > 0
ORDER BY 1
