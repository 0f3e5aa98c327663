-- purpose: schema menuca: restaurants that take orders, many tenants in one database
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS menuca;
COMMENT ON SCHEMA menuca IS 'restaurants that take orders, many tenants in one database';
