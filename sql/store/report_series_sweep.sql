-- purpose: mean execution time of one statement in each exact interval (ms)
-- minimum version: 14
-- hot only: run by hand while the day is in the store; later it lies in files (the report reads both)
SELECT s.ts, s.total_exec_time / s.calls AS mean_exec_time, s.calls
FROM ledger.statements AS s
JOIN ledger.sweeps AS w ON w.target_id = s.target_id AND w.ts = s.ts
WHERE s.target_id = %(target_id)s
    AND s.queryid = %(queryid)s AND s.userid = %(userid)s AND s.dbid = %(dbid)s
    AND s.toplevel = %(toplevel)s
    AND s.ts >= %(start)s::timestamptz AND s.ts < %(end)s::timestamptz
    AND w.ts >= %(start)s::timestamptz AND w.ts < %(end)s::timestamptz
    AND w.source::text = ANY (%(sources)s::text[])
    AND (s.quality = 'exact' OR (w.source = 'imported' AND s.quality = 'lower_bound'))
    AND s.calls > 0
ORDER BY s.ts
