-- purpose: days of known targets whose newest sweep is not in their report yet, or whose report rests on rollups that have changed since
-- minimum version: 14
-- hot only: looks for sweeps 62 days back; they stay in the store for at least 70
SELECT wanted.name AS target, days.day::date AS day, coalesce(newest.ts, reported.covered) AS newest,
    reported.covered AS covered,
    coalesce(reported.inputs <> held.inputs, false) AS stale
FROM unnest(%(names)s::text[], %(starts)s::date[]) AS wanted (name, start)
JOIN ledger.targets AS known USING (name)
CROSS JOIN LATERAL pg_catalog.generate_series(
    greatest(wanted.start, %(today)s::date - %(stale_days)s::integer)::timestamptz,
    %(today)s::date::timestamptz,
    '1 day'
) AS days (day)
CROSS JOIN LATERAL (
    SELECT pg_catalog.max(ts) AS ts FROM ledger.sweeps
    WHERE target_id = known.target_id AND ts >= days.day AND ts < days.day + '1 day'::interval
        AND days.day >= %(today)s::date - %(lookback_days)s::integer
) AS newest
LEFT JOIN perf_mgmt.day_progress AS reported
    ON reported.target_id = known.target_id
    AND reported.day = days.day::date
    AND reported.stage = 'report'
LEFT JOIN perf_mgmt.day_inputs AS held
    ON held.target_id = known.target_id AND held.day = days.day::date
WHERE (newest.ts IS NOT NULL AND (reported.covered IS NULL OR reported.covered < newest.ts))
    OR reported.inputs <> held.inputs
ORDER BY wanted.name, days.day
