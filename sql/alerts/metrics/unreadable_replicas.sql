-- purpose: declared replicas that were away, silent or too far behind at the last look, with their names
-- minimum version: 14
SELECT e.finish, n.ts AS as_of, '' AS subject, sum(m.value) AS value, count(*) AS samples, NULL AS cause,
    coalesce(
        string_agg(m.subject, ', ' ORDER BY m.subject) FILTER (WHERE m.value > 0)
        || ': what only reads goes to another server meanwhile, as `perf-pipeline route` says', ''
    ) AS told
FROM unnest(%(ends)s::timestamptz []) AS e (finish)
CROSS JOIN LATERAL (
    SELECT i.ts
    FROM monitoring.measurements AS i
    WHERE i.target = %(target)s AND i.metric = 'unreadable_replicas'
        AND i.ts <= e.finish AND i.ts > e.finish - %(stale_s)s::float8 * interval '1 second'
    ORDER BY i.ts DESC
    LIMIT 1
) AS n
JOIN monitoring.measurements AS m
    ON m.target = %(target)s AND m.metric = 'unreadable_replicas' AND m.ts = n.ts
GROUP BY e.finish, n.ts
