-- purpose: sessions waiting, by what for
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT r.ts AS time, r.wait_event_type AS metric, sum(r.sessions) AS value
FROM ledger.targets AS t
JOIN ledger.activity AS r USING (target_id)
WHERE t.name = %(target)s AND r.ts > %(start)s AND r.ts <= %(finish)s AND r.backend_type = 'client backend' AND r.state = 'active' AND r.wait_event_type <> ''
GROUP BY r.ts, r.wait_event_type
ORDER BY r.ts
