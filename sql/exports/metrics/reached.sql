-- purpose: sweeps since midnight UTC, and looks that found the server away twice
-- minimum version: 14
-- kind: counter
-- labels: target
SELECT
    t.name AS target,
    (
        SELECT count(*)
        FROM ledger.sweeps AS w
        WHERE w.target_id = t.target_id AND w.source = 'collected' AND w.ts > %(since)s AND w.ts <= %(now)s
    )::double precision AS sweeps,
    (
        SELECT count(*)
        FROM monitoring.unreached AS u
        WHERE u.target = t.name AND u.ts > %(since)s AND u.ts <= %(now)s
    )::double precision AS failures
FROM ledger.targets AS t
