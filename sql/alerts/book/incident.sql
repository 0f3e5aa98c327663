-- purpose: one incident by its number
-- minimum version: 14
SELECT incident_id, target, status, title FROM monitoring.incidents WHERE incident_id = %(incident_id)s
