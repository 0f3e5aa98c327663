-- purpose: how long refreshes of views took in a window, on average in ms, or how many of them were slow; absent where none ended
-- minimum version: 14
SELECT e.finish, max(m.finished_at) AS as_of, '' AS subject,
    CASE WHEN %(only_slow)s::boolean
        THEN count(*) FILTER (WHERE m.seconds * 1000 > %(slow_ms)s)
        ELSE 1000 * avg(m.seconds)
    END AS value,
    count(*) AS samples, NULL AS cause,
    coalesce((array_agg(m.object ORDER BY m.seconds DESC))[1], '') AS told
FROM unnest(%(ends)s::timestamptz []) AS e (finish)
JOIN (
    SELECT l.object, l.finished_at, extract(EPOCH FROM l.finished_at - l.started_at)::double precision AS seconds
    FROM maintenance.maintenance_log AS l
    WHERE l.target = %(target)s AND l.operation = 'view.refresh' AND l.outcome = 'done'
) AS m ON m.finished_at <= e.finish AND m.finished_at > e.finish - %(window_s)s::float8 * interval '1 second'
GROUP BY e.finish
