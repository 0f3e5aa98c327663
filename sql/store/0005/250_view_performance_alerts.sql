-- purpose: incidents in the words of the described table of alerts; an alert is of a whole database, so its tenant is not told
-- minimum version: 14
CREATE VIEW monitoring.performance_alerts AS
SELECT
    i.incident_id AS alert_id,
    i.target,
    NULL::text AS tenant_id,
    coalesce(i.members -> 0 ->> 'policy', i.cause) AS alert_type,
    -- an ongoing breach is high, one that asks for somebody at once critical; what is over is low
    CASE
        WHEN i.status = 'resolved' THEN 'low'
        WHEN i.level = 'critical' THEN 'critical'
        WHEN i.status = 'acknowledged' THEN 'medium'
        ELSE 'high'
    END AS severity,
    i.title AS message,
    (i.members -> 0 ->> 'value')::double precision AS metric_value,
    (i.members -> 0 ->> 'threshold')::double precision AS threshold_value,
    i.status AS resolution_status,
    i.opened_at AS created_at,
    i.resolved_at
FROM monitoring.incidents AS i;
