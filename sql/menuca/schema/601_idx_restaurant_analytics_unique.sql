-- purpose: index idx_restaurant_analytics_unique: the key a concurrent refresh needs (M-13)
-- minimum version: 14
-- transaction: none
-- index: menuca.idx_restaurant_analytics_unique
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_restaurant_analytics_unique
    ON menuca.restaurant_analytics (tenant_id, restaurant_id, order_date);
