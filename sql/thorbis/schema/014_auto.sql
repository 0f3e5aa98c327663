-- purpose: schema auto: automotive: repair shops
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS auto;
COMMENT ON SCHEMA auto IS 'automotive: repair shops';
