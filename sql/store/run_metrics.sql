-- purpose: what was measured while an execution ran, over time
-- minimum version: 14
SELECT ts, metric_type, name, value, unit, context ->> 'stage' AS stage
FROM perf_mgmt.performance_metrics
WHERE execution_id = %(execution_id)s
ORDER BY metric_type, name, ts
