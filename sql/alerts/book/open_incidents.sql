-- purpose: incidents of one target or all, the open ones first, the newest first
-- minimum version: 14
SELECT
    i.incident_id, i.target, i.cause, i.status, i.level, i.title, i.owner, i.opened_at, i.changed_at,
    i.resolved_at, i.acknowledged_at, i.acknowledged_by, i.note, i.flapping, i.members, i.told
FROM monitoring.incidents AS i
WHERE (%(target)s::text IS NULL OR i.target = %(target)s)
    AND (%(all)s::boolean OR i.status <> 'resolved')
ORDER BY i.status = 'resolved', i.level = 'warning', i.opened_at DESC, i.incident_id
LIMIT %(limit)s
