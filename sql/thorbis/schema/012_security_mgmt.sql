-- purpose: schema security_mgmt: audit trail and risk assessments
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS security_mgmt;
COMMENT ON SCHEMA security_mgmt IS 'audit trail and risk assessments';
