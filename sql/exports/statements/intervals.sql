-- purpose: what each statement did in each interval of a target since a moment, all its users together
-- minimum version: 14
SELECT
    s.ts,
    s.dbid::text AS dbid,
    s.queryid::text AS queryid,
    s.toplevel::text AS toplevel,
    sum(s.calls)::double precision AS calls,
    sum(s.total_exec_time) / 1000 AS exec_seconds,
    sum(s.rows)::double precision AS rows,
    sum(s.shared_blks_hit)::double precision AS shared_blks_hit,
    sum(s.shared_blks_read)::double precision AS shared_blks_read,
    sum(s.temp_blks_written)::double precision AS temp_blks_written,
    sum(s.wal_bytes)::double precision AS wal_bytes
FROM ledger.statements AS s
JOIN ledger.sweeps AS w USING (target_id, ts)
WHERE s.target_id = %(target_id)s AND s.ts > %(after)s AND s.ts < %(until)s
    AND w.ts > %(after)s AND w.ts < %(until)s AND w.source = 'collected'
GROUP BY s.ts, s.dbid, s.queryid, s.toplevel
ORDER BY s.ts
