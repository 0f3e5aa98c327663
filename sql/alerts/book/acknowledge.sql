-- purpose: somebody takes an incident; one that is over stays over
-- minimum version: 14
UPDATE monitoring.incidents
SET status = 'acknowledged', acknowledged_at = clock_timestamp(), acknowledged_by = %(who)s,
    note = CASE WHEN %(note)s::text = '' THEN note ELSE %(note)s END
WHERE incident_id = %(incident_id)s AND status <> 'resolved'
RETURNING incident_id, target, status, title
