-- purpose: table ret.transaction_items: one row per line of a till transaction
-- minimum version: 14
CREATE TABLE IF NOT EXISTS ret.transaction_items (
    business_id bigint NOT NULL,
    transaction_id bigint NOT NULL,
    line smallint NOT NULL CHECK (line > 0),
    product_id bigint NOT NULL,
    transaction_date timestamptz NOT NULL DEFAULT now(),
    quantity_sold integer NOT NULL CHECK (quantity_sold > 0),
    unit_price numeric(12, 2) NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (business_id, transaction_id, line),
    FOREIGN KEY (business_id, transaction_id) REFERENCES ret.transactions (business_id, id),
    FOREIGN KEY (business_id, product_id) REFERENCES ret.products (business_id, id)
);
COMMENT ON TABLE ret.transaction_items IS 'One row per line of a till transaction.';
