-- purpose: what pg_stat_database counted since midnight UTC
-- minimum version: 14
-- kind: counter
-- labels: target
SELECT
    t.name AS target,
    sum(r.xact_commit)::double precision AS xact_commit,
    sum(r.xact_rollback)::double precision AS xact_rollback,
    sum(r.blks_read)::double precision AS blks_read,
    sum(r.blks_hit)::double precision AS blks_hit,
    sum(r.tup_returned)::double precision AS tup_returned,
    sum(r.tup_fetched)::double precision AS tup_fetched,
    sum(r.tup_inserted)::double precision AS tup_inserted,
    sum(r.tup_updated)::double precision AS tup_updated,
    sum(r.tup_deleted)::double precision AS tup_deleted,
    sum(r.conflicts)::double precision AS conflicts,
    sum(r.deadlocks)::double precision AS deadlocks,
    sum(r.temp_files)::double precision AS temp_files,
    sum(r.temp_bytes)::double precision AS temp_bytes,
    sum(r.sessions)::double precision AS sessions,
    sum(r.active_time) / 1000 AS active_seconds,
    sum(r.idle_in_transaction_time) / 1000 AS idle_in_transaction_seconds
FROM ledger.database AS r
JOIN ledger.sweeps AS w USING (target_id, ts)
JOIN ledger.targets AS t USING (target_id)
WHERE r.ts > %(since)s AND r.ts <= %(now)s
    AND w.ts > %(since)s AND w.ts <= %(now)s AND w.source = 'collected'
GROUP BY t.name
