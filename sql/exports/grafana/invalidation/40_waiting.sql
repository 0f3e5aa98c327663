-- purpose: entries that waited when somebody looked, and those that failed too often
-- minimum version: 14
-- panel: timeseries
-- unit: none
SELECT l.ts AS time, l.waiting AS "waiting", l.dead AS "dead"
FROM (
    SELECT d.started_at + d.seconds * INTERVAL '1 second' AS ts, d.waiting::double precision AS waiting, d.dead
    FROM maintenance.invalidation_drains AS d
    WHERE d.target = %(target)s AND d.started_at > %(start)s AND d.started_at <= %(finish)s
    UNION ALL
    SELECT m.ts, sum(m.value), NULL
    FROM monitoring.measurements AS m
    WHERE m.target = %(target)s AND m.metric = 'pending_cache_invalidations'
        AND m.ts > %(start)s AND m.ts <= %(finish)s
    GROUP BY m.ts
) AS l
ORDER BY 1
