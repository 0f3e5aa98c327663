-- purpose: when each target was last evaluated
-- minimum version: 14
SELECT * FROM monitoring.alert_evaluations ORDER BY target
