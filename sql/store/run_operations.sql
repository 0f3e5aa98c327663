-- purpose: what each kind of transaction did in some executions
-- minimum version: 14
SELECT execution_id, name, transactions, failed, skipped, mean_ms, p50_ms, p95_ms, p99_ms, max_ms
FROM perf_mgmt.execution_transactions
WHERE execution_id = ANY (%(execution_ids)s::uuid [])
ORDER BY execution_id, name
