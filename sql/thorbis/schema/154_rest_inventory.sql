-- purpose: table rest.inventory: one row per thing a kitchen keeps in stock
-- minimum version: 14
CREATE TABLE IF NOT EXISTS rest.inventory (
    business_id bigint NOT NULL REFERENCES tenant_mgmt.businesses (id),
    item_number integer NOT NULL CHECK (item_number > 0),
    name text NOT NULL CHECK (name <> ''),
    current_quantity numeric(12, 2) NOT NULL,
    minimum_quantity numeric(12, 2) NOT NULL CHECK (minimum_quantity >= 0),
    PRIMARY KEY (business_id, item_number)
);
COMMENT ON TABLE rest.inventory IS 'One row per thing a kitchen keeps in stock.';
