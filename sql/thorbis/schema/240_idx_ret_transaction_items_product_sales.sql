-- purpose: index idx_ret_transaction_items_product_sales: sales of a product by time (T-15, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: ret.idx_ret_transaction_items_product_sales
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ret_transaction_items_product_sales
    ON ret.transaction_items (product_id, transaction_date, quantity_sold);
