-- purpose: schema user_mgmt: the people who work with the system, one tenant each
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS user_mgmt;
COMMENT ON SCHEMA user_mgmt IS 'the people who work with the system, one tenant each';
