-- purpose: the newest sweep of each day of a target, what a rollup started now covers
-- minimum version: 14
SELECT day::date AS day, newest.ts AS covered
FROM pg_catalog.generate_series(
    %(first)s::date::timestamptz, %(last)s::date::timestamptz, '1 day'
) AS days (day)
CROSS JOIN LATERAL (
    SELECT pg_catalog.max(ts) AS ts FROM ledger.sweeps
    WHERE target_id = %(target_id)s AND ts >= day AND ts < day + '1 day'::interval
) AS newest
WHERE newest.ts IS NOT NULL
ORDER BY day
