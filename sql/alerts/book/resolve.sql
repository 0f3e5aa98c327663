-- purpose: somebody says an incident is over; where it is not, the next evaluation opens a new one
-- minimum version: 14
WITH ended AS (
    UPDATE monitoring.incidents
    SET status = 'resolved', resolved_at = clock_timestamp(), changed_at = clock_timestamp(), flapping = false,
        note = CASE WHEN %(note)s::text = '' THEN note ELSE %(note)s END,
        -- who resolves it knows that it is over
        told = told || '{"level": "ok"}'
    WHERE incident_id = %(incident_id)s AND status <> 'resolved'
    RETURNING incident_id, target, status, title, members
), forgotten AS (
    -- of what nobody can tell any more (what is no longer measured) the person's word is the newest
    DELETE FROM monitoring.alert_states AS s
    USING ended AS e, jsonb_to_recordset(e.members) AS m (policy text, subject text)
    WHERE s.target = e.target AND s.policy = m.policy AND s.subject = m.subject AND s.level = 'no_data'
)
SELECT incident_id, target, status, title FROM ended
