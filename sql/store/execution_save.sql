-- purpose: keep an execution: a new one, or the end of one that was running; no row when it had ended, or may not run there
-- minimum version: 14
INSERT INTO perf_mgmt.test_executions AS known (
    execution_id, test_id, target, environment, status, server_version_num, database_version,
    config, settings, hardware, started_at, completed_at, connections, concurrent_users, data_bytes,
    transactions, failed, skipped, error_classes, mean_ms, p50_ms, p95_ms, p99_ms, max_ms,
    throughput_tps, cpu_percent, memory_percent, disk_mb_per_s, rerun_of, run_id, commit_sha,
    branch, metadata
)
SELECT
    %(execution_id)s, test.test_id, %(target)s, %(environment)s, %(status)s,
    %(server_version_num)s, %(database_version)s, %(config)s, %(settings)s, %(hardware)s,
    %(started_at)s, %(completed_at)s, %(connections)s, %(concurrent_users)s, %(data_bytes)s,
    %(transactions)s, %(failed)s, %(skipped)s, %(error_classes)s, %(mean_ms)s, %(p50_ms)s,
    %(p95_ms)s, %(p99_ms)s, %(max_ms)s, %(throughput_tps)s, %(cpu_percent)s,
    %(memory_percent)s, %(disk_mb_per_s)s, %(rerun_of)s, %(run_id)s, %(commit_sha)s,
    %(branch)s, %(metadata)s
FROM perf_mgmt.performance_tests AS test
WHERE test.test_id = %(test_id)s
    AND %(environment)s::perf_mgmt.environment_enum = ANY (test.environments)
ON CONFLICT (execution_id) DO UPDATE SET
    status = excluded.status,
    config = excluded.config,
    settings = excluded.settings,
    hardware = excluded.hardware,
    completed_at = excluded.completed_at,
    connections = excluded.connections,
    concurrent_users = excluded.concurrent_users,
    data_bytes = excluded.data_bytes,
    transactions = excluded.transactions,
    failed = excluded.failed,
    skipped = excluded.skipped,
    error_classes = excluded.error_classes,
    mean_ms = excluded.mean_ms,
    p50_ms = excluded.p50_ms,
    p95_ms = excluded.p95_ms,
    p99_ms = excluded.p99_ms,
    max_ms = excluded.max_ms,
    throughput_tps = excluded.throughput_tps,
    cpu_percent = excluded.cpu_percent,
    memory_percent = excluded.memory_percent,
    disk_mb_per_s = excluded.disk_mb_per_s,
    rerun_of = excluded.rerun_of,
    run_id = excluded.run_id,
    commit_sha = excluded.commit_sha,
    branch = excluded.branch,
    metadata = excluded.metadata
WHERE known.status = 'RUNNING' AND known.test_id = excluded.test_id
    AND known.target = excluded.target AND known.environment = excluded.environment
    AND known.server_version_num = excluded.server_version_num
    AND known.started_at = excluded.started_at
RETURNING execution_id
