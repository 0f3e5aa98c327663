-- purpose: what the time of the given statements is made of, by exact interval
-- minimum version: 14
SELECT s.userid, s.dbid, s.queryid, s.toplevel, s.ts, s.calls, s.total_exec_time,
    s.blk_read_time + s.blk_write_time, s.jit_time, s.total_plan_time, s.rows, s.shared_blks_read,
    s.shared_blks_hit + s.shared_blks_read, s.temp_blks_read + s.temp_blks_written
FROM ledger.statements AS s
JOIN ledger.sweeps AS w ON w.target_id = s.target_id AND w.ts = s.ts
WHERE s.target_id = %(target_id)s AND s.ts >= %(start)s AND s.ts < %(end)s
    AND w.ts >= %(start)s AND w.ts < %(end)s AND w.source = %(source)s
    AND (s.quality = 'exact' OR (w.source = 'imported' AND s.quality = 'lower_bound'))
    AND s.queryid = ANY (%(queryids)s::bigint[])
ORDER BY s.queryid, s.userid, s.dbid, s.toplevel, s.ts
