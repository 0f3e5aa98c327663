-- purpose: what was done about incidents, or would have been
-- minimum version: 14
-- panel: table
SELECT r.asked_at AS time, r.action, r.mode, r.state, r.policy, r.value_before, r.value_after, r.told
FROM monitoring.alert_responses AS r
WHERE r.target = %(target)s AND r.asked_at > %(start)s AND r.asked_at <= %(finish)s
ORDER BY r.asked_at DESC
LIMIT 200
