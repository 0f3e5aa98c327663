-- purpose: operations of maintenance begun since midnight UTC
-- minimum version: 14
-- kind: counter
-- labels: target, operation, outcome
SELECT
    m.target,
    m.operation,
    m.outcome,
    count(*)::double precision AS operations,
    sum(extract(epoch FROM m.finished_at - m.started_at))::double precision AS seconds
FROM maintenance.maintenance_log AS m
WHERE m.started_at > %(since)s AND m.started_at <= %(now)s AND m.outcome <> 'running'
GROUP BY m.target, m.operation, m.outcome
