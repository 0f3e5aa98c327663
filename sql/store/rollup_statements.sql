-- purpose: statement intervals of a span of days, each day from its best source only
-- minimum version: 14
WITH sweeps AS (
    SELECT ts, source, min(source) OVER (PARTITION BY (ts AT TIME ZONE 'UTC')::date) AS best
    FROM ledger.sweeps
    WHERE target_id = %(target_id)s AND ts >= %(start)s AND ts < %(finish)s
)
SELECT
    s.ts, w.source::text AS source, s.userid, s.dbid, s.queryid, s.toplevel, s.quality::text AS quality,
    s.calls, s.total_exec_time, s.exec_time_squares, s.plans, s.total_plan_time, s.rows,
    s.shared_blks_hit, s.shared_blks_read, s.shared_blks_dirtied, s.shared_blks_written,
    s.temp_blks_read, s.temp_blks_written, s.blk_read_time, s.blk_write_time,
    s.wal_bytes, s.jit_time
FROM ledger.statements AS s
JOIN sweeps AS w ON w.ts = s.ts AND w.source = w.best
WHERE s.target_id = %(target_id)s AND s.ts >= %(start)s AND s.ts < %(finish)s
