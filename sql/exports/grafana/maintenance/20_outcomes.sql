-- purpose: operations of an hour by how they ended
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT date_trunc('hour', m.started_at) AS time, m.outcome AS metric, count(*) AS value
FROM maintenance.maintenance_log AS m
WHERE m.target = %(target)s AND m.started_at > %(start)s AND m.started_at <= %(finish)s
GROUP BY 1, m.outcome
ORDER BY 1
