-- purpose: the sweeps of some days of a target: quality, cost, evidence, and the whole database's work in each interval
-- minimum version: 14
-- hot only: run by hand while the day is in the store; later it lies in files (the report reads both)
SELECT
    w.ts, w.previous_ts, w.source::text AS source, w.quality::text AS quality,
    w.connect_ms, w.database_ms, w.duration_ms, w.temp_bytes AS sweep_temp_bytes,
    w.rows_read, w.rows_written, w.notes,
    w.server_version_num, p.server_version_num AS previous_version_num,
    w.timeline, p.timeline AS previous_timeline,
    w.postmaster_start, w.statements_stats_reset, w.database_stats_reset,
    w.statements_dealloc, p.statements_dealloc AS previous_dealloc,
    d.xact_commit, d.xact_rollback, d.blks_hit, d.blks_read, d.deadlocks, d.temp_bytes,
    d.active_time, d.database_bytes
FROM ledger.sweeps AS w
LEFT JOIN ledger.sweeps AS p ON p.target_id = w.target_id AND p.ts = w.previous_ts
LEFT JOIN ledger.database AS d ON d.target_id = w.target_id AND d.ts = w.ts
WHERE w.target_id = %(target_id)s
    AND w.ts >= %(start)s::timestamptz AND w.ts < %(end)s::timestamptz
ORDER BY w.ts
