-- purpose: show the policies as they are evaluated; those no longer declared go, nothing is written where nothing changed
-- minimum version: 14
WITH asked AS (
    SELECT * FROM jsonb_to_recordset(%(records)s::jsonb) AS r (
        policy text, metric text, unit text, kind text, direction text, warning double precision,
        critical double precision, window_minutes double precision, frequency_minutes double precision,
        delivery text, response text, response_mode text, channels jsonb, enabled boolean
    )
),
gone AS (
    DELETE FROM monitoring.alert_policies AS p
    WHERE p.target = %(target)s AND NOT EXISTS (SELECT FROM asked AS a WHERE a.policy = p.policy)
)
INSERT INTO monitoring.alert_policies AS p (
    target, policy, metric, unit, kind, direction, warning, critical, window_minutes, frequency_minutes,
    delivery, response, response_mode, channels, enabled
)
SELECT %(target)s, a.* FROM asked AS a
ON CONFLICT (target, policy) DO UPDATE SET
    metric = excluded.metric, unit = excluded.unit, kind = excluded.kind, direction = excluded.direction,
    warning = excluded.warning, critical = excluded.critical, window_minutes = excluded.window_minutes,
    frequency_minutes = excluded.frequency_minutes, delivery = excluded.delivery,
    response = excluded.response, response_mode = excluded.response_mode, channels = excluded.channels,
    enabled = excluded.enabled
WHERE (p.*) IS DISTINCT FROM (excluded.*)
