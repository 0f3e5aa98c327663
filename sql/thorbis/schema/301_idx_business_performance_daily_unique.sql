-- purpose: index idx_business_performance_daily_unique: the key a concurrent refresh needs (T-22)
-- minimum version: 14
-- transaction: none
-- index: analytics.idx_business_performance_daily_unique
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_business_performance_daily_unique
    ON analytics.business_performance_daily (business_id, performance_date);
