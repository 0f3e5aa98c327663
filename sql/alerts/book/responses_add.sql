-- purpose: ask for answers, each once by its key
-- minimum version: 14
INSERT INTO monitoring.alert_responses (
    response_key, target, incident_id, policy, action, mode, asked_at, value_before
)
SELECT r.response_key, %(target)s, r.incident_id, r.policy, r.action, r.mode, r.asked_at, r.value_before
FROM jsonb_to_recordset(%(records)s::jsonb) AS r (
    response_key text, incident_id text, policy text, action text, mode text, asked_at timestamptz,
    value_before double precision
)
ON CONFLICT (response_key) DO NOTHING
RETURNING response_id
