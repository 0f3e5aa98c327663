-- purpose: schema rest: restaurants
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS rest;
COMMENT ON SCHEMA rest IS 'restaurants';
