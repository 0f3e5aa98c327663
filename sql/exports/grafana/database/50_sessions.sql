-- purpose: clients by state
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT r.ts AS time, r.state AS metric, sum(r.sessions) AS value
FROM ledger.targets AS t
JOIN ledger.activity AS r USING (target_id)
WHERE t.name = %(target)s AND r.ts > %(start)s AND r.ts <= %(finish)s AND r.backend_type = 'client backend'
GROUP BY r.ts, r.state
ORDER BY r.ts
