-- purpose: how each policy of a target stands, the worst first
-- minimum version: 14
SELECT s.policy, s.subject, s.level, s.value, s.as_of, p.unit, p.warning, p.critical, p.direction,
    s.state ->> 'told' AS told
FROM monitoring.alert_states AS s
LEFT JOIN monitoring.alert_policies AS p USING (target, policy)
WHERE s.target = %(target)s
ORDER BY array_position(ARRAY['critical', 'warning', 'no_data', 'ok'], s.level), s.policy, s.subject
LIMIT %(limit)s
