-- purpose: how each policy stands, the worst first
-- minimum version: 14
-- panel: table
SELECT s.level, s.policy, s.subject, s.value, p.unit, p.warning, p.critical, s.as_of
FROM monitoring.alert_states AS s
JOIN monitoring.alert_policies AS p ON p.target = s.target AND p.policy = s.policy
WHERE s.target = %(target)s
ORDER BY array_position(ARRAY['critical', 'warning', 'no_data', 'ok'], s.level), s.policy, s.subject
LIMIT 200
