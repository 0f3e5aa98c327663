-- purpose: what another part of ours measured: the most (or the least) in a window that ends with the newest reading that is not stale
-- minimum version: 14
SELECT e.finish, n.ts AS as_of, '' AS subject,
    CASE WHEN %(least)s::boolean THEN min(m.value) ELSE max(m.value) END AS value,
    count(*) AS samples, NULL AS cause, '' AS told
FROM unnest(%(ends)s::timestamptz []) AS e (finish)
CROSS JOIN LATERAL (
    SELECT i.ts
    FROM monitoring.measurements AS i
    WHERE i.target = %(target)s AND i.metric = %(measure)s
        AND i.ts <= e.finish AND i.ts > e.finish - %(stale_s)s::float8 * interval '1 second'
    ORDER BY i.ts DESC
    LIMIT 1
) AS n
CROSS JOIN LATERAL (
    -- one reading is of all its subjects: their sum, or the least of them
    SELECT CASE WHEN %(least)s::boolean THEN min(i.value) ELSE sum(i.value) END AS value
    FROM monitoring.measurements AS i
    WHERE i.target = %(target)s AND i.metric = %(measure)s
        AND i.ts > n.ts - %(window_s)s::float8 * interval '1 second' AND i.ts <= n.ts
    GROUP BY i.ts
) AS m
GROUP BY e.finish, n.ts
