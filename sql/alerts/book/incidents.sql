-- purpose: the incidents of a target that are not over or changed since an instant
-- minimum version: 14
SELECT * FROM monitoring.incidents
WHERE target = %(target)s
    AND (status <> 'resolved' OR changed_at >= %(since)s OR told ->> 'level' IN ('warning', 'critical'))
ORDER BY opened_at, incident_id
