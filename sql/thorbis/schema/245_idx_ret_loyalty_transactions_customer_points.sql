-- purpose: index idx_ret_loyalty_transactions_customer_points: a customer's points by time (T-15, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: ret.idx_ret_loyalty_transactions_customer_points
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ret_loyalty_transactions_customer_points
    ON ret.loyalty_transactions (customer_id, transaction_date, points_change);
