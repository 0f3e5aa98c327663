-- purpose: delete time series, statements and progress of some load tests that ended before an instant; how many, and whether more are left
-- minimum version: 14
-- the executions stay with their percentiles, verdicts and baselines: the past is not overwritten
WITH due AS (
    SELECT e.execution_id
    FROM perf_mgmt.test_executions AS e
    WHERE e.started_at < %(before)s AND e.status <> 'RUNNING'
        AND (
            EXISTS (SELECT FROM perf_mgmt.performance_metrics AS m WHERE m.execution_id = e.execution_id)
            OR EXISTS (SELECT FROM perf_mgmt.query_performance AS q WHERE q.execution_id = e.execution_id)
            OR EXISTS (
                SELECT FROM perf_mgmt.perf_events AS v
                WHERE v.execution_id = e.execution_id AND v.event_type = 'SAMPLED'
            )
        )
    ORDER BY e.started_at
    LIMIT %(batch)s
), metrics AS (
    DELETE FROM perf_mgmt.performance_metrics USING due WHERE performance_metrics.execution_id = due.execution_id
    RETURNING 1
), queries AS (
    DELETE FROM perf_mgmt.query_performance USING due WHERE query_performance.execution_id = due.execution_id
    RETURNING 1
), samples AS (
    DELETE FROM perf_mgmt.perf_events USING due
    WHERE perf_events.execution_id = due.execution_id AND perf_events.event_type = 'SAMPLED'
    RETURNING 1
)
SELECT (SELECT count(*) FROM due) AS executions,
    (SELECT count(*) FROM metrics) + (SELECT count(*) FROM queries)
    + (SELECT count(*) FROM samples) AS rows
