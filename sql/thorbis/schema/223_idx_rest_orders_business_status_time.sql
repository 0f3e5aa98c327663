-- purpose: index idx_rest_orders_business_status_time: open orders of a restaurant (T-14, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: rest.idx_rest_orders_business_status_time
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_rest_orders_business_status_time
    ON rest.orders (business_id, status, order_time, table_id)
    WHERE status NOT IN ('completed', 'cancelled');
