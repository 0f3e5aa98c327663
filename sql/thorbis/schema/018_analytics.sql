-- purpose: schema analytics: figures computed from all industries
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS analytics;
COMMENT ON SCHEMA analytics IS 'figures computed from all industries';
