-- purpose: the newest sweep of each day of a target, in the store or in the archive: what a rollup started now covers
-- minimum version: 14
SELECT days.day::date AS day, greatest(hot.ts, cold.ts) AS covered
FROM pg_catalog.generate_series(
    %(first)s::date::timestamptz, %(last)s::date::timestamptz, '1 day'
) AS days (day)
CROSS JOIN LATERAL (
    SELECT pg_catalog.max(ts) AS ts FROM ledger.sweeps
    WHERE target_id = %(target_id)s AND ts >= days.day AND ts < days.day + '1 day'::interval
) AS hot
LEFT JOIN LATERAL (
    SELECT last_ts AS ts FROM ledger.archive
    WHERE target_id = %(target_id)s AND table_name = 'sweeps' AND ledger.archive.day = days.day::date
        AND superseded_at IS NULL
) AS cold ON true
WHERE hot.ts IS NOT NULL OR cold.ts IS NOT NULL
ORDER BY days.day
