-- purpose: how many transaction and multixact ids a target's server uses up: the sum of what they grew by between readings since an instant, and the seconds of these spans
-- minimum version: 14
-- hot only: a week at most, which the store always has
WITH holder AS (
    SELECT s.server_target_id FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts > %(since)s AND s.server_target_id IS NOT NULL
    ORDER BY s.ts DESC LIMIT 1
),
readings AS (
    SELECT r.resource, r.ts, r.used,
        lag(r.ts) OVER w AS earlier, lag(r.used) OVER w AS used_then
    FROM ledger.resources AS r
    JOIN holder AS h ON h.server_target_id = r.target_id
    WHERE r.ts > %(since)s AND r.resource IN ('transaction ids', 'multixact ids') AND r.used IS NOT NULL
    WINDOW w AS (PARTITION BY r.resource ORDER BY r.ts)
)
-- a span in which a vacuum froze the oldest ids tells nothing of how many were used
SELECT resource, sum(used - used_then)::bigint AS ids, sum(EXTRACT(EPOCH FROM ts - earlier))::double precision AS seconds
FROM readings
WHERE used >= used_then
GROUP BY resource
ORDER BY resource
