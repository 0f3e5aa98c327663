-- purpose: index idx_rest_orders_business_time: a restaurant's orders, the latest first (load scenario; ours)
-- minimum version: 14
-- transaction: none
-- index: rest.idx_rest_orders_business_time
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_rest_orders_business_time
    ON rest.orders (business_id, order_time DESC);
