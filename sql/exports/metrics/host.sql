-- purpose: the machine of the server at the last sweep, where it could be seen
-- minimum version: 14
-- kind: gauge
-- labels: target
SELECT
    t.name AS target,
    h.load_1,
    h.cpu_count::double precision AS cpus,
    h.memory_total_bytes::double precision AS memory_total_bytes,
    h.memory_available_bytes::double precision AS memory_available_bytes,
    h.disk_total_bytes::double precision AS disk_total_bytes,
    h.disk_free_bytes::double precision AS disk_free_bytes
FROM ledger.targets AS t
CROSS JOIN LATERAL (
    SELECT max(w.ts) AS ts
    FROM ledger.sweeps AS w
    WHERE w.target_id = t.target_id AND w.source = 'collected'
        AND w.ts > %(now)s::timestamptz - INTERVAL '1 hour' AND w.ts <= %(now)s
) AS l
JOIN ledger.host AS h ON h.target_id = t.target_id AND h.ts = l.ts
    AND h.ts > %(now)s::timestamptz - INTERVAL '1 hour' AND h.ts <= %(now)s
