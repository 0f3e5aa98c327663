-- purpose: forget the states of what is no longer measured
-- minimum version: 14
DELETE FROM monitoring.alert_states AS s
USING unnest(%(policies)s::text[], %(subjects)s::text[]) AS g (policy, subject)
WHERE s.target = %(target)s AND s.policy = g.policy AND s.subject = g.subject
