-- purpose: days of a target in its rollups, by hour or by day, with their sources
-- minimum version: 14
SELECT (hour AT TIME ZONE 'UTC')::date AS day, source::text AS source
FROM ledger.statements_hourly
WHERE target_id = %(target_id)s AND hour >= %(start)s AND hour < %(finish)s
UNION
SELECT day, source::text
FROM ledger.statements_daily
WHERE target_id = %(target_id)s AND day >= %(start)s::date AND day < %(finish)s::date
ORDER BY 1, 2
