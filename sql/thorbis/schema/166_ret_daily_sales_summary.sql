-- purpose: table ret.daily_sales_summary: one row per shop and UTC day with sales
-- minimum version: 14
CREATE TABLE IF NOT EXISTS ret.daily_sales_summary (
    business_id bigint NOT NULL REFERENCES tenant_mgmt.businesses (id),
    sales_date date NOT NULL,
    transaction_count integer NOT NULL CHECK (transaction_count >= 0),
    total_revenue numeric(14, 2) NOT NULL,
    PRIMARY KEY (sales_date, business_id)
);
COMMENT ON TABLE ret.daily_sales_summary IS 'One row per shop and UTC day with sales.';
