-- purpose: index idx_ret_transactions_business_date_total: a shop's sales by time (T-15, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: ret.idx_ret_transactions_business_date_total
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ret_transactions_business_date_total
    ON ret.transactions (business_id, transaction_date, total_amount, payment_status);
