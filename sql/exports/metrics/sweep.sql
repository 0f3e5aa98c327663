-- purpose: the last sweep of the last hour
-- minimum version: 14
-- kind: gauge
-- labels: target
SELECT
    t.name AS target,
    extract(epoch FROM l.ts)::double precision AS timestamp_seconds,
    l.database_ms / 1000 AS database_seconds,
    d.database_bytes::double precision AS database_bytes,
    d.numbackends::double precision AS numbackends
FROM ledger.targets AS t
CROSS JOIN LATERAL (
    SELECT w.ts, w.database_ms
    FROM ledger.sweeps AS w
    WHERE w.target_id = t.target_id AND w.source = 'collected'
        AND w.ts > %(now)s::timestamptz - INTERVAL '1 hour' AND w.ts <= %(now)s
    ORDER BY w.ts DESC
    LIMIT 1
) AS l
LEFT JOIN ledger.database AS d ON d.target_id = t.target_id AND d.ts = l.ts
    AND d.ts > %(now)s::timestamptz - INTERVAL '1 hour' AND d.ts <= %(now)s
