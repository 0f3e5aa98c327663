-- purpose: operations of maintenance that failed in a window and did not succeed since; absent where none ended
-- minimum version: 14
SELECT e.finish, max(m.finished_at) AS as_of, '' AS subject,
    count(*) FILTER (WHERE m.outcome = 'failed') AS value,
    count(*) AS samples, NULL AS cause,
    coalesce(
        (array_agg(m.operation || ' ' || m.object ORDER BY m.finished_at DESC) FILTER (WHERE m.outcome = 'failed'))[1], ''
    ) AS told
FROM unnest(%(ends)s::timestamptz []) AS e (finish)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (l.operation, l.object) l.operation, l.object, l.outcome, l.finished_at
    FROM maintenance.maintenance_log AS l
    WHERE l.target = %(target)s AND l.outcome IN ('done', 'failed')
        AND l.finished_at <= e.finish AND l.finished_at > e.finish - %(window_s)s::float8 * interval '1 second'
    ORDER BY l.operation, l.object, l.finished_at DESC
) AS m
GROUP BY e.finish
