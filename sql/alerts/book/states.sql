-- purpose: how the policies of a target stood when last evaluated
-- minimum version: 14
SELECT policy, subject, state FROM monitoring.alert_states WHERE target = %(target)s
