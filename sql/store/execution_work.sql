-- purpose: blocks that each statement of some executions touched; nested ones are part of those that call them
-- minimum version: 14
SELECT
    q.execution_id, q.query_hash, min(q.query) AS query, sum(q.calls)::bigint AS calls,
    sum(
        coalesce(q.shared_blks_hit, 0) + coalesce(q.shared_blks_read, 0)
        + coalesce(q.temp_blks_read, 0) + coalesce(q.temp_blks_written, 0)
    )::bigint AS blocks
FROM perf_mgmt.query_performance AS q
WHERE q.execution_id = ANY (%(executions)s::uuid []) AND q.toplevel AND q.calls > 0
GROUP BY q.execution_id, q.query_hash
ORDER BY q.execution_id, q.query_hash
