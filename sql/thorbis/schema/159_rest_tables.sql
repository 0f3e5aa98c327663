-- purpose: table rest.tables: one row per table of a restaurant
-- minimum version: 14
CREATE TABLE IF NOT EXISTS rest.tables (
    business_id bigint NOT NULL REFERENCES tenant_mgmt.businesses (id),
    table_number integer NOT NULL CHECK (table_number > 0),
    zone_id smallint NOT NULL CHECK (zone_id > 0),
    capacity smallint NOT NULL CHECK (capacity > 0),
    is_available boolean NOT NULL DEFAULT true,
    PRIMARY KEY (business_id, table_number)
);
COMMENT ON TABLE rest.tables IS 'One row per table of a restaurant.';
