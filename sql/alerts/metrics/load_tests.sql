-- purpose: of each load test the newest execution that ended in a window: its p95, its errors, or whether it regressed
-- minimum version: 14
SELECT DISTINCT ON (e.finish, t.name)
    e.finish, x.completed_at AS as_of, t.name AS subject,
    CASE %(measure)s::text
        WHEN 'p95_ms' THEN x.p95_ms
        WHEN 'error_percent' THEN x.error_percent
        -- null: not judged, or there was nothing to judge it by
        WHEN 'is_regression' THEN x.is_regression::integer
    END AS value,
    1 AS samples, NULL AS cause,
    x.environment::text || coalesce(', commit ' || left(x.commit_sha, 12), '') AS told
FROM unnest(%(ends)s::timestamptz []) AS e (finish)
JOIN perf_mgmt.test_executions AS x
    ON x.target = %(target)s AND x.status = 'COMPLETED'
    AND x.completed_at <= e.finish AND x.completed_at > e.finish - %(window_s)s::float8 * interval '1 second'
JOIN perf_mgmt.performance_tests AS t USING (test_id)
ORDER BY e.finish, t.name, x.completed_at DESC
