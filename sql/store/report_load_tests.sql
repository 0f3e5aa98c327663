-- purpose: the load tests of a target in a span: runs, verdicts, and what the first and the last good one measured
-- minimum version: 14
SELECT
    t.name, t.version, t.test_type::text AS test_type, e.environment::text AS environment,
    count(*) AS runs,
    count(*) FILTER (WHERE e.state::text = 'REGRESSED') AS regressed,
    count(*) FILTER (WHERE e.status::text <> 'COMPLETED') AS broken,
    (array_agg(e.state::text ORDER BY e.started_at DESC, e.execution_id))[1] AS last_state,
    (array_agg(e.p95_ms ORDER BY e.started_at, e.execution_id) FILTER (WHERE e.p95_ms IS NOT NULL))[1] AS first_p95,
    (array_agg(e.p95_ms ORDER BY e.started_at DESC, e.execution_id) FILTER (WHERE e.p95_ms IS NOT NULL))[1] AS last_p95,
    (array_agg(e.throughput_tps ORDER BY e.started_at, e.execution_id) FILTER (WHERE e.throughput_tps IS NOT NULL))[1]
        AS first_tps,
    (array_agg(e.throughput_tps ORDER BY e.started_at DESC, e.execution_id) FILTER (WHERE e.throughput_tps IS NOT NULL))[1]
        AS last_tps
FROM perf_mgmt.test_executions AS e
JOIN perf_mgmt.performance_tests AS t USING (test_id)
WHERE e.target = %(target)s AND e.started_at >= %(start)s::timestamptz AND e.started_at < %(end)s::timestamptz
GROUP BY t.name, t.version, t.test_type, e.environment
ORDER BY regressed DESC, t.name, t.version, t.test_type, e.environment
LIMIT 50
