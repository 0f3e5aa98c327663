-- purpose: new findings of a day, by severity (G-99)
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT f.day::timestamptz AS time, f.severity AS metric, count(*) AS value
FROM ledger.targets AS t
JOIN perf_mgmt.findings AS f USING (target_id)
WHERE t.name = %(target)s AND f.is_new
    AND f.day >= (%(start)s::timestamptz AT TIME ZONE 'UTC')::date
    AND f.day <= (%(finish)s::timestamptz AT TIME ZONE 'UTC')::date
GROUP BY f.day, f.severity
ORDER BY f.day
