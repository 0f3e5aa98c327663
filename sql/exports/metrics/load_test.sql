-- purpose: the last load test of each kind that ended in the last week
-- minimum version: 14
-- kind: gauge
-- labels: target, test_type
SELECT DISTINCT ON (e.target, p.test_type)
    e.target,
    p.test_type::text AS test_type,
    extract(epoch FROM e.started_at)::double precision AS timestamp_seconds,
    e.p95_ms / 1000 AS p95_seconds,
    e.throughput_tps
FROM perf_mgmt.test_executions AS e
JOIN perf_mgmt.performance_tests AS p USING (test_id)
WHERE e.status = 'COMPLETED'
    AND e.started_at > %(now)s::timestamptz - INTERVAL '7 days' AND e.started_at <= %(now)s
ORDER BY e.target, p.test_type, e.started_at DESC
