-- purpose: clients of the last sweep of a span by application, state and address, and how many of the server's connections are taken
-- minimum version: 14
-- hot only: the hour, or the week, before a sweep that was just taken
WITH sweep AS (
    SELECT s.ts, s.server_target_id AS holder
    FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts = %(finish)s
),
-- the server's own rows are kept with one of its targets, which is swept at another moment
server AS (
    SELECT DISTINCT ON (r.resource) r.resource, r.used, r.capacity
    FROM ledger.resources AS r JOIN sweep AS s ON r.target_id = s.holder
    WHERE r.ts > %(start)s AND r.ts <= %(finish)s AND r.resource IN ('connections', 'reserved connections')
    ORDER BY r.resource, r.ts DESC
),
totals AS (
    SELECT
        max(v.used) FILTER (WHERE v.resource = 'connections') AS all_server_clients,
        max(v.capacity) FILTER (WHERE v.resource = 'connections') AS all_max_connections,
        max(v.capacity) FILTER (WHERE v.resource = 'reserved connections') AS all_reserved
    FROM server AS v
)
SELECT
    c.application_name AS application, c.state, c.client, c.sessions,
    c.mean_state_seconds AS mean_in_state_s, c.longest_state_seconds AS longest_in_state_s, t.*
FROM totals AS t
LEFT JOIN ledger.connections AS c ON c.target_id = %(target_id)s AND c.ts = %(finish)s
ORDER BY c.sessions DESC, c.application_name, c.state, c.client
LIMIT %(most)s
