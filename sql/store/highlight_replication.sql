-- purpose: the peers of a target's server at its last sweep in a span, and how far behind they are
-- minimum version: 14
-- hot only: the hour, or the week, before a sweep that was just taken
WITH newest AS (
    SELECT s.server_target_id AS holder, (
        SELECT max(w.ts) FROM ledger.sweeps AS w
        WHERE w.target_id = s.server_target_id
            AND w.ts > %(start)s AND w.ts <= %(finish)s
    ) AS ts
    FROM ledger.sweeps AS s
    WHERE s.target_id = %(target_id)s AND s.ts = %(finish)s
)
SELECT
    r.direction, r.application_name AS application, r.peer, r.slot_name AS slot, r.state, r.sync_state AS sync,
    r.send_lag_bytes, r.flush_lag_bytes, r.replay_lag_bytes, r.replay_lag_seconds AS replay_lag_s,
    r.last_message_seconds AS last_message_s, r.backup_phase,
    100.0 * r.backup_bytes / nullif(r.backup_total_bytes, 0) AS backup_percent
FROM ledger.replication AS r JOIN newest AS n ON r.target_id = n.holder AND r.ts = n.ts
ORDER BY r.direction, r.replay_lag_bytes DESC NULLS LAST, r.application_name, r.peer
LIMIT %(most)s
