-- purpose: every look at a target in a span, in order: whether it was there, since when its server ran, or why it was away
-- minimum version: 14
-- hot only: sweeps stay in the store for 70 days at least, probes for 62
-- A sweep soon after a probe tells of restarts alone: where applications go through a pool, only the probe went that way.
SELECT
    s.ts,
    CASE WHEN p.ts IS NULL THEN true END AS there,
    s.postmaster_start,
    NULL::text AS reason
FROM ledger.sweeps AS s
LEFT JOIN LATERAL (
    SELECT m.ts
    FROM monitoring.measurements AS m
    WHERE m.target = %(target)s AND m.metric = %(probe)s
        AND m.ts <= s.ts AND m.ts > s.ts - interval '1 minute'
    UNION ALL
    SELECT u.ts
    FROM monitoring.unreached AS u
    WHERE u.target = %(target)s AND u.ts <= s.ts AND u.ts > s.ts - interval '1 minute'
    LIMIT 1
) AS p ON true
WHERE s.target_id = %(target_id)s AND s.ts >= %(since)s AND s.source = 'collected'
    AND s.ts <= coalesce(%(until)s::timestamptz, 'infinity')
UNION ALL
SELECT m.ts, true, NULL, NULL
FROM monitoring.measurements AS m
WHERE m.target = %(target)s AND m.metric = %(probe)s AND m.ts >= %(since)s
    AND m.ts <= coalesce(%(until)s::timestamptz, 'infinity')
UNION ALL
SELECT u.ts, false, NULL, u.reason
FROM monitoring.unreached AS u
WHERE u.target = %(target)s AND u.ts >= %(since)s
    AND u.ts <= coalesce(%(until)s::timestamptz, 'infinity')
ORDER BY ts
