-- purpose: what a server has a fixed number of, at the last sweep
-- minimum version: 14
-- kind: gauge
-- labels: target, resource
SELECT
    t.name AS target,
    r.resource,
    r.used::double precision AS used,
    r.capacity::double precision AS capacity
FROM ledger.targets AS t
CROSS JOIN LATERAL (
    SELECT max(w.ts) AS ts
    FROM ledger.sweeps AS w
    WHERE w.target_id = t.target_id AND w.source = 'collected'
        AND w.ts > %(now)s::timestamptz - INTERVAL '1 hour' AND w.ts <= %(now)s
) AS l
JOIN ledger.resources AS r ON r.target_id = t.target_id AND r.ts = l.ts
    AND r.ts > %(now)s::timestamptz - INTERVAL '1 hour' AND r.ts <= %(now)s
