-- purpose: what maintenance did
-- minimum version: 14
-- panel: table
SELECT
    m.started_at AS time, m.operation, m.object, m.outcome,
    extract(epoch FROM m.finished_at - m.started_at) AS seconds, m.rows, m.lock_wait_ms, m.error
FROM maintenance.maintenance_log AS m
WHERE m.target = %(target)s AND m.started_at > %(start)s AND m.started_at <= %(finish)s
ORDER BY m.started_at DESC
LIMIT 200
