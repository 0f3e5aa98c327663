-- purpose: values of tags first seen in a span, where the key was seen with another value before
-- minimum version: 14
WITH pairs AS (
    SELECT pair.key, pair.value, min(t.first_seen) AS first_seen,
        array_agg(DISTINCT t.queryid ORDER BY t.queryid) AS queryids
    FROM ledger.statement_tags AS t, jsonb_each_text(t.tags) AS pair
    WHERE t.target_id = %(target_id)s
    GROUP BY pair.key, pair.value
)
SELECT p.key, p.value, p.first_seen, p.queryids, before.value AS others
FROM pairs AS p
JOIN LATERAL (
    SELECT o.value FROM pairs AS o
    WHERE o.key = p.key AND o.first_seen < p.first_seen
    ORDER BY o.first_seen DESC, o.value LIMIT 1
) AS before ON true
WHERE p.first_seen BETWEEN %(start)s AND %(end)s
ORDER BY p.first_seen, p.key, p.value
