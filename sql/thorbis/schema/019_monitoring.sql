-- purpose: schema monitoring: what the application reports of itself
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS monitoring;
COMMENT ON SCHEMA monitoring IS 'what the application reports of itself';
