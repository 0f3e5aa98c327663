-- purpose: mean execution time per statement and interval, exact intervals of one source only
-- minimum version: 14
SELECT s.userid, s.dbid, s.queryid, s.toplevel, s.ts, coalesce(w.previous_ts, s.ts), s.ts,
    s.calls, s.total_exec_time
FROM ledger.statements AS s
JOIN ledger.sweeps AS w ON w.target_id = s.target_id AND w.ts = s.ts
WHERE s.target_id = %(target_id)s AND s.ts >= %(start)s AND s.ts < %(end)s
    AND w.target_id = %(target_id)s AND w.ts >= %(start)s AND w.ts < %(end)s
    AND w.source = %(source)s
    AND (s.quality = 'exact' OR (w.source = 'imported' AND s.quality = 'lower_bound'))
    AND s.calls > 0
    AND (%(queryids)s::bigint[] IS NULL OR s.queryid = ANY (%(queryids)s::bigint[]))
ORDER BY s.queryid, s.userid, s.dbid, s.toplevel, s.ts
