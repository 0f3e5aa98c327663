-- purpose: note that a target was evaluated
-- minimum version: 14
INSERT INTO monitoring.alert_evaluations (
    target, evaluated_at, policies, without_data, open_incidents, duration_ms
)
VALUES (%(target)s, %(at)s, %(policies)s, %(without_data)s, %(open)s, %(duration_ms)s)
ON CONFLICT (target) DO UPDATE SET
    evaluated_at = excluded.evaluated_at, policies = excluded.policies,
    without_data = excluded.without_data, open_incidents = excluded.open_incidents,
    duration_ms = excluded.duration_ms
