-- purpose: share of blocks found in shared buffers
-- minimum version: 14
-- panel: timeseries
-- unit: percentunit
SELECT r.ts AS time, r.blks_hit::double precision / nullif(r.blks_hit + r.blks_read, 0) AS "hit ratio"
FROM ledger.targets AS t
JOIN ledger.database AS r USING (target_id)
WHERE t.name = %(target)s AND r.ts > %(start)s AND r.ts <= %(finish)s
ORDER BY r.ts
