-- purpose: table auto.parts: one row per part a repair shop stocks
-- minimum version: 14
CREATE TABLE IF NOT EXISTS auto.parts (
    business_id bigint NOT NULL REFERENCES tenant_mgmt.businesses (id),
    part_number integer NOT NULL CHECK (part_number > 0),
    name text NOT NULL CHECK (name <> ''),
    quantity integer NOT NULL,
    reorder_level integer NOT NULL CHECK (reorder_level >= 0),
    unit_price numeric(12, 2) NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (business_id, part_number)
);
COMMENT ON TABLE auto.parts IS 'One row per part a repair shop stocks; a quantity below zero is owed.';
