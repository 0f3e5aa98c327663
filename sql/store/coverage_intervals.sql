-- purpose: active time of a target's intervals, what its statements explain of it, and what our own previous sweep took
-- minimum version: 14
-- hot only: a week before a sweep that was just taken; sweeps stay for months
SELECT
    s.ts, EXTRACT(EPOCH FROM s.ts - s.previous_ts)::float8 AS seconds,
    s.active_ms, s.explained_ms, s.explained_calls, s.transactions, s.open_ms,
    -- a session tells its time when it ends: in the interval after its sweep
    COALESCE(p.database_ms, 0) + COALESCE(p.texts_ms, 0) AS own_ms
FROM ledger.sweeps AS s
LEFT JOIN ledger.sweeps AS p
    ON p.target_id = s.target_id AND p.ts = s.previous_ts
    AND p.ts > %(start)s::pg_catalog.timestamptz - interval '1 day' AND p.ts <= %(finish)s
WHERE s.target_id = %(target_id)s AND s.ts > %(start)s AND s.ts <= %(finish)s
    AND s.previous_ts IS NOT NULL AND s.explained_ms IS NOT NULL AND s.source = 'collected'
ORDER BY s.ts
