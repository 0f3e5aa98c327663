-- purpose: what was told of a target, or of all targets, that began or ended in a span
-- minimum version: 14
SELECT kind, object, began_at, ended_at, detail, source
FROM perf_mgmt.events
WHERE (target_id = %(target_id)s OR target_id IS NULL)
    AND (began_at BETWEEN %(start)s AND %(end)s OR ended_at BETWEEN %(start)s AND %(end)s)
ORDER BY began_at, kind, object, event_id
