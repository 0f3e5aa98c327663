-- purpose: rates of a database over the intervals of a span that are known from end to end
-- minimum version: 14
SELECT
    sum(d.blks_hit) / nullif(sum(d.blks_hit + d.blks_read), 0) AS cache_hit_ratio,
    sum(d.xact_commit + d.xact_rollback) / nullif(sum(i.seconds), 0) AS transactions_per_s,
    sum(d.xact_rollback)::bigint AS rollbacks,
    sum(d.deadlocks)::bigint AS deadlocks,
    sum(d.temp_bytes)::bigint AS temp_bytes,
    sum(d.active_time) / nullif(sum(i.seconds) * 1000, 0) AS active_sessions_mean,
    (pg_catalog.array_agg(d.numbackends ORDER BY d.ts DESC))[1] AS connections,
    (pg_catalog.array_agg(d.database_bytes ORDER BY d.ts DESC))[1] AS database_bytes
FROM ledger.database AS d
JOIN ledger.sweeps AS s USING (target_id, ts)
CROSS JOIN LATERAL (SELECT EXTRACT(EPOCH FROM s.ts - s.previous_ts) AS seconds) AS i
WHERE d.target_id = %(target_id)s AND d.ts > %(start)s AND d.ts <= %(finish)s
    AND s.ts > %(start)s AND s.ts <= %(finish)s
    AND s.previous_ts IS NOT NULL AND d.quality IN ('exact', 'gap')
