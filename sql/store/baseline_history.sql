-- purpose: per day and source of a target, from raw sweeps and from rollups: how many hours have data
-- minimum version: 14
SELECT 'sweep' AS origin, ts::date AS day, source::text AS source,
    count(DISTINCT date_trunc('hour', ts)) AS hours
FROM ledger.sweeps
WHERE target_id = %(target_id)s AND ts >= %(start)s AND ts < %(end)s
GROUP BY ts::date, source
UNION ALL
SELECT 'hour', hour::date, source::text, count(DISTINCT hour)
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND hour >= %(start)s AND hour < %(end)s
GROUP BY hour::date, source
ORDER BY 1, 2, 3
