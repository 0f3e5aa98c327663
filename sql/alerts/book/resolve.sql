-- purpose: somebody says an incident is over; where it is not, the next evaluation opens a new one
-- minimum version: 14
UPDATE monitoring.incidents
SET status = 'resolved', resolved_at = clock_timestamp(), changed_at = clock_timestamp(), flapping = false,
    note = CASE WHEN %(note)s::text = '' THEN note ELSE %(note)s END,
    -- who resolves it knows that it is over
    told = told || '{"level": "ok"}'
WHERE incident_id = %(incident_id)s AND status <> 'resolved'
RETURNING incident_id, target, status, title
