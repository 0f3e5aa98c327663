-- purpose: looks that found the server away, of an hour
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT date_trunc('hour', u.ts) AS time, count(*) AS "away"
FROM monitoring.unreached AS u
WHERE u.target = %(target)s AND u.ts > %(start)s AND u.ts <= %(finish)s
GROUP BY 1
ORDER BY 1
