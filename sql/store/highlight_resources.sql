-- purpose: what the server of a target has a fixed number of: the last reading in a span, and the most that was taken
-- minimum version: 14
-- hot only: the hour, or the week, before a sweep that was just taken
SELECT
    r.resource,
    (pg_catalog.array_agg(r.used ORDER BY r.ts DESC))[1] AS used,
    max(r.used) AS most_used,
    (pg_catalog.array_agg(r.capacity ORDER BY r.ts DESC))[1] AS capacity
FROM ledger.resources AS r
JOIN ledger.sweeps AS s ON r.target_id = s.server_target_id
WHERE s.target_id = %(target_id)s AND s.ts = %(finish)s
    AND r.ts > %(start)s AND r.ts <= %(finish)s
GROUP BY r.resource
ORDER BY max(r.used)::double precision / (pg_catalog.array_agg(r.capacity ORDER BY r.ts DESC))[1] DESC NULLS LAST, r.resource
LIMIT %(most)s
