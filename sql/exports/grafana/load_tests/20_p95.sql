-- purpose: p95 by test, mean of an hour (B-64)
-- minimum version: 14
-- panel: timeseries
-- unit: ms
SELECT r.hour AS time, r.test_name AS metric, r.mean_p95_ms AS value
FROM perf_mgmt.performance_trends AS r
WHERE r.target = %(target)s AND r.hour > %(start)s::timestamptz - INTERVAL '1 hour' AND r.hour <= %(finish)s
ORDER BY r.hour
