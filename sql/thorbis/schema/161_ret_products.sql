-- purpose: table ret.products: one row per product a shop sells
-- minimum version: 14
CREATE TABLE IF NOT EXISTS ret.products (
    business_id bigint NOT NULL REFERENCES tenant_mgmt.businesses (id),
    product_number integer NOT NULL CHECK (product_number > 0),
    name text NOT NULL CHECK (name <> ''),
    unit_price numeric(12, 2) NOT NULL CHECK (unit_price >= 0),
    stock integer NOT NULL,
    reorder_level integer NOT NULL CHECK (reorder_level >= 0),
    PRIMARY KEY (business_id, product_number)
);
COMMENT ON TABLE ret.products IS 'One row per product a shop sells; a stock below zero was sold before it was counted.';
