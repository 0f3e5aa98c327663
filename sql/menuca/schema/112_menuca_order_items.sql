-- purpose: table menuca.order_items: one row per line of an order
-- minimum version: 14
CREATE TABLE IF NOT EXISTS menuca.order_items (
    tenant_id bigint NOT NULL,
    order_id bigint NOT NULL,
    line_no smallint NOT NULL CHECK (line_no > 0),
    menu_item_id bigint NOT NULL,
    quantity smallint NOT NULL CHECK (quantity > 0),
    unit_price numeric(8, 2) NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (tenant_id, order_id, line_no),
    FOREIGN KEY (tenant_id, order_id) REFERENCES menuca.orders (tenant_id, id),
    FOREIGN KEY (tenant_id, menu_item_id) REFERENCES menuca.menu_items (tenant_id, id)
);
COMMENT ON TABLE menuca.order_items IS 'One row per line of an order.';
