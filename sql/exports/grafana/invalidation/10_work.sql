-- purpose: changes and refreshes of cached values, of an hour
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT
    date_trunc('hour', d.started_at) AS time,
    sum(s.changes) AS "changes",
    sum(s.refreshed) AS "refreshes",
    sum(s.changes - s.refreshed) AS "refreshes avoided"
FROM maintenance.invalidation_drains AS d
JOIN maintenance.invalidation_served AS s USING (drain_id)
WHERE d.target = %(target)s AND d.started_at > %(start)s AND d.started_at <= %(finish)s
GROUP BY 1
ORDER BY 1
