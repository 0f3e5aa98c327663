-- purpose: what waited in a queue of invalidations when a drain or a check of the last hour last looked
-- minimum version: 14
-- kind: gauge
-- labels: target
SELECT DISTINCT ON (l.target)
    l.target,
    extract(epoch FROM l.at)::double precision AS timestamp_seconds,
    l.waiting,
    l.oldest_seconds,
    (
        SELECT d.dead::double precision
        FROM maintenance.invalidation_drains AS d
        WHERE d.target = l.target AND d.started_at <= %(now)s
        ORDER BY d.started_at DESC
        LIMIT 1
    ) AS dead
FROM (
    SELECT
        d.target,
        d.started_at + d.seconds * INTERVAL '1 second' AS at,
        d.waiting::double precision AS waiting,
        d.oldest_s AS oldest_seconds
    FROM maintenance.invalidation_drains AS d
    WHERE d.started_at > %(now)s::timestamptz - INTERVAL '1 hour' AND d.started_at <= %(now)s
    UNION ALL
    SELECT
        m.target,
        m.ts,
        sum(m.value) FILTER (WHERE m.metric = 'pending_cache_invalidations'),
        max(m.value) FILTER (WHERE m.metric = 'oldest_cache_invalidation_seconds')
    FROM monitoring.measurements AS m
    WHERE m.metric IN ('pending_cache_invalidations', 'oldest_cache_invalidation_seconds')
        AND m.ts > %(now)s::timestamptz - INTERVAL '1 hour' AND m.ts <= %(now)s
    GROUP BY m.target, m.ts
) AS l
ORDER BY l.target, l.at DESC
