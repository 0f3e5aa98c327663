-- purpose: per day and source of a target, from rollups: how many hours have data
-- minimum version: 14
SELECT hour::date AS day, source::text AS source, count(DISTINCT hour) AS hours
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND hour >= %(start)s AND hour < %(end)s
GROUP BY hour::date, source
ORDER BY 1, 2
