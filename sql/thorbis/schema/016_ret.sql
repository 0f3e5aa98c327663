-- purpose: schema ret: retail
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS ret;
COMMENT ON SCHEMA ret IS 'retail';
