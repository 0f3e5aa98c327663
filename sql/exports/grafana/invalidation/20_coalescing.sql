-- purpose: changes that one refresh answered, of an hour
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT
    date_trunc('hour', d.started_at) AS time,
    s.cache_type AS metric,
    (sum(s.changes)::double precision / sum(s.refreshed)) AS value
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s USING (drain_id)
WHERE d.target = %(target)s AND d.started_at > %(start)s AND d.started_at <= %(finish)s
GROUP BY 1, s.cache_type
HAVING sum(s.refreshed) > 0
ORDER BY 1
