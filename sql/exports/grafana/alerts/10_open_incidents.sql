-- purpose: incidents that are open, and those of the time shown
-- minimum version: 14
-- panel: table
SELECT
    i.opened_at AS time, i.level, i.status, i.title, jsonb_array_length(i.members) AS breaches,
    i.resolved_at, i.acknowledged_at, i.incident_id
FROM monitoring.incidents AS i
WHERE i.target = %(target)s AND i.opened_at <= %(finish)s
    AND (i.status <> 'resolved' OR i.changed_at > %(start)s)
ORDER BY i.status = 'resolved', i.level = 'warning', i.opened_at DESC
LIMIT 200
