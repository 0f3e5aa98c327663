-- purpose: statements of more than 100 ms a call in the load tests of seven days (B-65)
-- minimum version: 14
-- panel: table
SELECT i.query_hash, i.query_type, i.query_preview, i.calls, i.total_ms, i.mean_ms, i.worst_mean_ms
FROM perf_mgmt.top_performance_issues AS i
WHERE i.target = %(target)s
