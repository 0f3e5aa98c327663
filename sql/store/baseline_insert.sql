-- purpose: a new active baseline; the old one of its type must be retired before, in the same transaction
-- minimum version: 14
INSERT INTO perf_mgmt.performance_baselines (
    test_id, target, environment, server_major, baseline_type, source_execution_id,
    source_execution_ids, statistic, p95_ms, p99_ms, throughput_tps, transactions, failed,
    cpu_percent, memory_percent, response_time_threshold_percent, throughput_threshold_percent,
    error_rate_threshold_points, resource_threshold_points, notes
)
VALUES (
    %(test_id)s, %(target)s, %(environment)s, %(server_major)s, %(baseline_type)s,
    %(source_execution_id)s, %(source_execution_ids)s, %(statistic)s, %(p95_ms)s, %(p99_ms)s,
    %(throughput_tps)s, %(transactions)s, %(failed)s, %(cpu_percent)s, %(memory_percent)s,
    %(response_time_percent)s, %(throughput_percent)s, %(error_rate_points)s,
    %(resource_points)s, %(notes)s
)
RETURNING baseline_id
