-- purpose: keep incidents as evaluated; who acknowledged one meanwhile stays known
-- minimum version: 14
INSERT INTO monitoring.incidents AS i (
    incident_id, target, cause, status, level, title, owner, opened_at, changed_at, resolved_at,
    flapping, members, told
)
SELECT r.incident_id, %(target)s, r.cause, r.status, r.level, r.title, r.owner, r.opened_at, r.changed_at,
    r.resolved_at, r.flapping, r.members, r.told
FROM jsonb_to_recordset(%(records)s::jsonb) AS r (
    incident_id text, cause text, status text, level text, title text, owner text, opened_at timestamptz,
    changed_at timestamptz, resolved_at timestamptz, flapping boolean, members jsonb, told jsonb
)
ON CONFLICT (incident_id) DO UPDATE SET
    -- one that ended and began again asks for somebody anew
    status = CASE
        WHEN excluded.status = 'resolved' OR i.status = 'resolved' THEN excluded.status
        WHEN i.status = 'acknowledged' THEN i.status
        ELSE excluded.status
    END,
    level = excluded.level, title = excluded.title, owner = excluded.owner,
    -- earlier only where the clock was set back
    opened_at = least(i.opened_at, excluded.opened_at),
    changed_at = excluded.changed_at, resolved_at = excluded.resolved_at, flapping = excluded.flapping,
    members = excluded.members, told = excluded.told
