-- purpose: size of the database
-- minimum version: 14
-- panel: timeseries
-- unit: bytes
SELECT r.ts AS time, r.database_bytes AS "size"
FROM ledger.targets AS t
JOIN ledger.database AS r USING (target_id)
WHERE t.name = %(target)s AND r.ts > %(start)s AND r.ts <= %(finish)s
ORDER BY r.ts
