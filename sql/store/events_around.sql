-- purpose: what was told of a target, or of all targets, and the load tests on it, that began or ended in a span
-- minimum version: 14
SELECT kind, object, began_at, ended_at, detail, source
FROM perf_mgmt.events
WHERE (target_id = %(target_id)s OR target_id IS NULL)
    AND (began_at BETWEEN %(start)s AND %(end)s OR ended_at BETWEEN %(start)s AND %(end)s)
UNION ALL
SELECT
    'load_test', t.name, e.started_at, e.completed_at,
    concat_ws(', ', 'version ' || t.version, e.environment::text, 'commit ' || left(e.commit_sha, 12), e.branch),
    'the load test itself'
FROM perf_mgmt.test_executions AS e
JOIN perf_mgmt.performance_tests AS t USING (test_id)
JOIN ledger.targets AS known ON known.name = e.target
WHERE known.target_id = %(target_id)s
    AND (e.started_at BETWEEN %(start)s AND %(end)s OR e.completed_at BETWEEN %(start)s AND %(end)s)
ORDER BY began_at, kind, object, detail
