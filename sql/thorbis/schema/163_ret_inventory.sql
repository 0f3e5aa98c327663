-- purpose: table ret.inventory: one row per product in a shop's stock
-- minimum version: 14
CREATE TABLE IF NOT EXISTS ret.inventory (
    business_id bigint NOT NULL,
    product_number integer NOT NULL,
    current_stock integer NOT NULL,
    reorder_level integer NOT NULL CHECK (reorder_level >= 0),
    is_active boolean NOT NULL DEFAULT true,
    PRIMARY KEY (business_id, product_number),
    FOREIGN KEY (business_id, product_number) REFERENCES ret.products (business_id, product_number)
);
COMMENT ON TABLE ret.inventory IS 'One row per product in a shop''s stock; a stock below zero was sold before it was counted.';
