-- purpose: first and last instant of each source on each day of a target, from raw sweeps and from rollups
-- minimum version: 14
SELECT 'sweep' AS origin, ts::date AS day, source::text AS source, min(ts) AS first_ts, max(ts) AS last_ts
FROM ledger.sweeps
WHERE target_id = %(target_id)s AND ts >= %(start)s AND ts < %(end)s
GROUP BY ts::date, source
UNION ALL
SELECT 'hour', hour::date, source::text, min(hour), max(hour)
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND hour >= %(start)s AND hour < %(end)s
GROUP BY hour::date, source
ORDER BY 1, 2, 3
