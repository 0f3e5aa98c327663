-- purpose: how a system's users are spread over shards, and what its own function thinks of it
-- minimum version: 14
-- grant: SELECT on the view and what it reads, EXECUTE on the function
-- cadence: every day
-- scope: database
SELECT /* perf-pipeline */
    b.shard_id, b.users::pg_catalog.int8 AS users, b.estimated_mb::pg_catalog.float8 AS estimated_mb,
    b.performance_score, b.imbalance, b.advice,
    pg_catalog.to_jsonb(d) AS distribution
FROM {balance}() AS b
LEFT JOIN {distribution} AS d USING (shard_id)
ORDER BY b.shard_id
