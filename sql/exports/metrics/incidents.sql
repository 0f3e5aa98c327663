-- purpose: incidents that are not over, and of these how many somebody has taken
-- minimum version: 14
-- kind: gauge
-- labels: target, severity
SELECT
    t.name AS target,
    kinds.severity,
    count(i.incident_id)::double precision AS open,
    count(i.incident_id) FILTER (WHERE i.status = 'acknowledged')::double precision AS acknowledged
FROM ledger.targets AS t
CROSS JOIN (VALUES ('critical'), ('warning')) AS kinds (severity)
LEFT JOIN monitoring.incidents AS i
    ON i.target = t.name AND i.level = kinds.severity AND i.status <> 'resolved'
    AND i.opened_at <= %(now)s
GROUP BY t.name, kinds.severity
