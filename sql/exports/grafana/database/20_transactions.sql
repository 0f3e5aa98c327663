-- purpose: transactions a second
-- minimum version: 14
-- panel: timeseries
-- unit: ops
SELECT
    r.ts AS time,
    r.xact_commit / nullif(extract(epoch FROM w.ts - w.previous_ts), 0) AS "committed",
    r.xact_rollback / nullif(extract(epoch FROM w.ts - w.previous_ts), 0) AS "rolled back"
FROM ledger.targets AS t
JOIN ledger.database AS r USING (target_id)
JOIN ledger.sweeps AS w ON w.target_id = r.target_id AND w.ts = r.ts
    AND w.ts > %(start)s AND w.ts <= %(finish)s
WHERE t.name = %(target)s AND r.ts > %(start)s AND r.ts <= %(finish)s
ORDER BY r.ts
