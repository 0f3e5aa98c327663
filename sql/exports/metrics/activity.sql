-- purpose: sessions and the age of their oldest transaction at the last sweep
-- minimum version: 14
-- kind: gauge
-- labels: target, backend_type, state
SELECT
    t.name AS target,
    a.backend_type,
    a.state,
    sum(a.sessions)::double precision AS sessions,
    max(a.oldest_xact_seconds) AS oldest_transaction_seconds
FROM ledger.targets AS t
CROSS JOIN LATERAL (
    SELECT max(w.ts) AS ts
    FROM ledger.sweeps AS w
    WHERE w.target_id = t.target_id AND w.source = 'collected'
        AND w.ts > %(now)s::timestamptz - INTERVAL '1 hour' AND w.ts <= %(now)s
) AS l
JOIN ledger.activity AS a ON a.target_id = t.target_id AND a.ts = l.ts
    AND a.ts > %(now)s::timestamptz - INTERVAL '1 hour' AND a.ts <= %(now)s
GROUP BY t.name, a.backend_type, a.state
