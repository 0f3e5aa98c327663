-- purpose: index idx_orders_analytics: all that sums per restaurant, day and status need (M-09)
-- minimum version: 14
-- transaction: none
-- index: menuca.idx_orders_analytics
-- build: partition by partition
CREATE INDEX IF NOT EXISTS idx_orders_analytics
    ON ONLY menuca.orders (tenant_id, restaurant_id, order_day, status)
    INCLUDE (total_amount, commission_amount);
