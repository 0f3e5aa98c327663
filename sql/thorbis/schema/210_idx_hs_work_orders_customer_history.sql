-- purpose: index idx_hs_work_orders_customer_history: a customer's jobs, latest first (T-12, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: hs.idx_hs_work_orders_customer_history
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_hs_work_orders_customer_history
    ON hs.work_orders (customer_id, created_at);
