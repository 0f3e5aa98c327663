-- purpose: risk levels of a tenant, asked for rarely
-- minimum version: 14
-- mean ms: 14.0
-- calls per hour: 2
-- rows per call: 4
-- noise: 0.15
-- behaviour: few calls
SELECT risk_level, count(*), max(assessment_date)
FROM security_mgmt.risk_assessments
WHERE business_id = $1
GROUP BY risk_level
