-- purpose: sessions at work on average
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT
    r.ts AS time,
    r.active_time / 1000 / nullif(extract(epoch FROM w.ts - w.previous_ts), 0) AS "active sessions",
    r.idle_in_transaction_time / 1000 / nullif(extract(epoch FROM w.ts - w.previous_ts), 0) AS "idle in transaction"
FROM ledger.targets AS t
JOIN ledger.database AS r USING (target_id)
JOIN ledger.sweeps AS w ON w.target_id = r.target_id AND w.ts = r.ts
    AND w.ts > %(start)s AND w.ts <= %(finish)s
WHERE t.name = %(target)s AND r.ts > %(start)s AND r.ts <= %(finish)s
ORDER BY r.ts
