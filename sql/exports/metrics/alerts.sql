-- purpose: when policies were last evaluated, how many there are, and how many had no data
-- minimum version: 14
-- kind: gauge
-- labels: target
SELECT
    e.target,
    extract(EPOCH FROM e.evaluated_at)::double precision AS evaluated_timestamp_seconds,
    e.policies::double precision AS policies,
    e.without_data::double precision AS without_data
FROM monitoring.alert_evaluations AS e
WHERE e.evaluated_at <= %(now)s
