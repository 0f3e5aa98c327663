-- purpose: minutes since a target was last swept, at each asked instant; absent for one that never was
-- minimum version: 14
-- hot only: a target that was silent for longer than sweeps stay in the store was never swept
SELECT e.finish, e.finish AS as_of, '' AS subject,
    extract(EPOCH FROM e.finish - n.ts) / 60 AS value, 1 AS samples, NULL AS cause, '' AS told
FROM unnest(%(ends)s::timestamptz []) AS e (finish)
CROSS JOIN LATERAL (
    SELECT s.ts
    FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts <= e.finish AND s.source = 'collected'
    ORDER BY s.ts DESC
    LIMIT 1
) AS n
