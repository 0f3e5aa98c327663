-- purpose: the sessions of the last sweep of a span, by state and by what they waited for; no idle server processes
-- minimum version: 14
WITH sessions AS (
    SELECT
        a.backend_type, a.state, a.wait_event_type AS waits_for, a.wait_event AS event,
        sum(a.sessions)::bigint AS sessions,
        max(a.oldest_xact_seconds) AS oldest_transaction_s,
        (sum(a.sessions) * (a.backend_type = 'client backend')::integer)::bigint AS client_sessions
    FROM ledger.activity AS a
    WHERE a.target_id = %(target_id)s AND a.ts = %(finish)s AND a.wait_event_type <> 'Activity'
    GROUP BY a.backend_type, a.state, a.wait_event_type, a.wait_event
)
SELECT
    s.backend_type, s.state, s.waits_for, s.event, s.sessions, s.oldest_transaction_s,
    (sum(s.client_sessions) OVER ())::bigint AS all_clients,
    coalesce(sum(s.client_sessions) FILTER (WHERE s.state = 'active') OVER (), 0)::bigint AS all_active,
    coalesce(sum(s.sessions) FILTER (WHERE s.waits_for = 'Lock') OVER (), 0)::bigint AS all_blocked
FROM sessions AS s
ORDER BY s.sessions DESC, s.backend_type, s.state, s.waits_for, s.event
LIMIT %(most)s
