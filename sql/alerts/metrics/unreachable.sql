-- purpose: seconds since a target was last found there, where the newest look at it found it away; else 0
-- minimum version: 14
-- hot only: looks of the last day
-- A sweep within a minute of a probe does not count: only the probe goes through the pool, as applications do.
SELECT e.finish, greatest(a.ts, h.ts) AS as_of, '' AS subject,
    CASE WHEN a.ts > coalesce(h.ts, '-infinity') THEN extract(EPOCH FROM a.ts - coalesce(h.ts, f.ts)) ELSE 0 END AS value,
    1 AS samples, NULL AS cause,
    CASE WHEN a.ts > coalesce(h.ts, '-infinity') THEN a.reason ELSE '' END AS told
FROM unnest(%(ends)s::timestamptz []) AS e (finish)
LEFT JOIN LATERAL (
    SELECT u.ts, u.reason
    FROM monitoring.unreached AS u
    WHERE u.target = %(target)s AND u.ts <= e.finish AND u.ts > e.finish - interval '1 day'
    ORDER BY u.ts DESC
    LIMIT 1
) AS a ON true
LEFT JOIN LATERAL (
    SELECT max(t.ts) AS ts
    FROM (
        (
            SELECT m.ts
            FROM monitoring.measurements AS m
            WHERE m.target = %(target)s AND m.metric = %(probe)s
                AND m.ts <= e.finish AND m.ts > e.finish - interval '1 day'
            ORDER BY m.ts DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT s.ts
            FROM ledger.sweeps AS s
            WHERE s.target_id = %(target_id)s AND s.ts <= e.finish AND s.ts > e.finish - interval '1 day'
                AND NOT EXISTS (
                    SELECT FROM monitoring.unreached AS u
                    WHERE u.target = %(target)s AND u.ts <= s.ts AND u.ts > s.ts - interval '1 minute'
                )
            ORDER BY s.ts DESC
            LIMIT 1
        )
    ) AS t
) AS h ON true
LEFT JOIN LATERAL (
    SELECT min(u.ts) AS ts
    FROM monitoring.unreached AS u
    WHERE u.target = %(target)s AND u.ts <= e.finish AND u.ts > e.finish - interval '1 day'
) AS f ON true
WHERE greatest(a.ts, h.ts) > e.finish - %(stale_s)s::float8 * interval '1 second'
