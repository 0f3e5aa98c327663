-- purpose: keep the states that changed
-- minimum version: 14
INSERT INTO monitoring.alert_states (target, policy, subject, level, value, as_of, state)
SELECT %(target)s, r.policy, r.subject, r.level, r.value, r.as_of, r.state
FROM jsonb_to_recordset(%(records)s::jsonb)
    AS r (policy text, subject text, level text, value double precision, as_of timestamptz, state jsonb)
ON CONFLICT (target, policy, subject)
DO UPDATE SET level = excluded.level, value = excluded.value, as_of = excluded.as_of, state = excluded.state
