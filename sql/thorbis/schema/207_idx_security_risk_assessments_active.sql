-- purpose: index idx_security_risk_assessments_active: a tenant's latest assessments (T-11, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: security_mgmt.idx_security_risk_assessments_active
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_security_risk_assessments_active
    ON security_mgmt.risk_assessments (business_id, assessment_date, risk_level);
