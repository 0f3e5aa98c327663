-- purpose: table rest.inventory_items: one row per thing a kitchen keeps in stock
-- minimum version: 14
CREATE TABLE IF NOT EXISTS rest.inventory_items (
    business_id bigint NOT NULL REFERENCES tenant_mgmt.businesses (id),
    item_number integer NOT NULL CHECK (item_number > 0),
    name text NOT NULL CHECK (name <> ''),
    quantity numeric(12, 2) NOT NULL,
    reorder_level numeric(12, 2) NOT NULL CHECK (reorder_level >= 0),
    PRIMARY KEY (business_id, item_number)
);
COMMENT ON TABLE rest.inventory_items IS 'One row per thing a kitchen keeps in stock.';
