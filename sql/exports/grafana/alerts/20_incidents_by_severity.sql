-- purpose: incidents that were open, by severity (G-99)
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT g.at AS time, kinds.level AS metric, count(i.incident_id) AS value
FROM generate_series(
    %(start)s::timestamptz, %(finish)s::timestamptz,
    greatest(interval '5 minutes', (%(finish)s::timestamptz - %(start)s::timestamptz) / 200)
) AS g (at)
CROSS JOIN (VALUES ('critical'), ('warning')) AS kinds (level)
LEFT JOIN monitoring.incidents AS i
    ON i.target = %(target)s AND i.level = kinds.level
    AND i.opened_at <= g.at AND (i.resolved_at IS NULL OR i.resolved_at > g.at)
GROUP BY g.at, kinds.level
ORDER BY g.at, kinds.level
