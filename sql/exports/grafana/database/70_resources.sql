-- purpose: share taken of what the server has a fixed number of
-- minimum version: 14
-- panel: timeseries
-- unit: percentunit
SELECT r.ts AS time, r.resource AS metric, r.used::double precision / nullif(r.capacity, 0) AS value
FROM ledger.targets AS t
JOIN ledger.resources AS r USING (target_id)
WHERE t.name = %(target)s AND r.ts > %(start)s AND r.ts <= %(finish)s AND r.used IS NOT NULL
ORDER BY r.ts
