-- purpose: statements that took more than 100 ms a call in the load tests of seven days, by total time, the first fifty
-- minimum version: 14
CREATE VIEW perf_mgmt.top_performance_issues AS
SELECT
    e.target, q.query_hash, q.query_type, left(q.query, 100) AS query_preview,
    array_agg(DISTINCT t.name ORDER BY t.name) AS tests,
    count(DISTINCT q.execution_id) AS executions, sum(q.calls)::bigint AS calls, sum(q.total_ms) AS total_ms,
    sum(q.total_ms) / sum(q.calls) AS mean_ms, max(q.mean_ms) AS worst_mean_ms,
    sum(q.shared_blks_read)::bigint AS shared_blks_read, sum(q.temp_blks_written)::bigint AS temp_blks_written,
    CASE
        WHEN sum(q.total_ms) > 1000 * sum(q.calls) THEN 'HIGH'
        WHEN sum(q.total_ms) > 500 * sum(q.calls) THEN 'MEDIUM'
        ELSE 'LOW'
    END AS impact,
    min(e.started_at) AS first_seen, max(e.started_at) AS last_seen
FROM perf_mgmt.query_performance AS q
JOIN perf_mgmt.test_executions AS e USING (execution_id)
JOIN perf_mgmt.performance_tests AS t USING (test_id)
WHERE e.started_at >= now() - INTERVAL '7 days' AND q.calls > 0
GROUP BY e.target, q.query_hash, q.query_type, q.query
HAVING sum(q.total_ms) > 100 * sum(q.calls)
ORDER BY sum(q.total_ms) DESC, q.query_hash, e.target
LIMIT 50;
