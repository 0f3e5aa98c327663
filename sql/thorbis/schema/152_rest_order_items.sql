-- purpose: table rest.order_items: one row per line of an order
-- minimum version: 14
CREATE TABLE IF NOT EXISTS rest.order_items (
    business_id bigint NOT NULL,
    order_id bigint NOT NULL,
    line smallint NOT NULL CHECK (line > 0),
    menu_item integer NOT NULL CHECK (menu_item > 0),
    quantity smallint NOT NULL DEFAULT 1 CHECK (quantity > 0),
    unit_price numeric(12, 2) NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (business_id, order_id, line),
    FOREIGN KEY (business_id, order_id) REFERENCES rest.orders (business_id, id)
);
COMMENT ON TABLE rest.order_items IS 'One row per line of an order.';
