-- purpose: sessions of a database by state, application and address at its newest sweep, and the whole server's
-- minimum version: 14
-- hot only: the newest sweep, which the store always has
WITH newest AS (
    SELECT s.ts, s.server_target_id
    FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts > %(since)s
    ORDER BY s.ts DESC
    LIMIT 1
)
SELECT n.ts, c.state, c.application_name, c.client, c.sessions, c.mean_state_seconds,
    (
        SELECT r.capacity FROM ledger.resources AS r
        WHERE r.target_id = n.server_target_id AND r.resource = 'connections' AND r.ts > n.ts - interval '1 day'
        ORDER BY r.ts DESC LIMIT 1
    ) AS most,
    (
        SELECT r.used FROM ledger.resources AS r
        WHERE r.target_id = n.server_target_id AND r.resource = 'connections' AND r.ts > n.ts - interval '1 day'
        ORDER BY r.ts DESC LIMIT 1
    ) AS server_sessions
FROM newest AS n
LEFT JOIN ledger.connections AS c ON c.target_id = %(target_id)s AND c.ts = n.ts
ORDER BY c.sessions DESC NULLS LAST, c.state, c.application_name, c.client
