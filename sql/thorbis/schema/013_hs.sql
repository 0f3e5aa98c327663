-- purpose: schema hs: home services: jobs at the customer's place
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS hs;
COMMENT ON SCHEMA hs IS 'home services: jobs at the customer''s place';
