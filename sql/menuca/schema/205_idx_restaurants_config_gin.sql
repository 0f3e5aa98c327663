-- purpose: index idx_restaurants_config_gin: restaurants by what their configuration holds (M-11)
-- minimum version: 14
-- transaction: none
-- index: menuca.idx_restaurants_config_gin
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_restaurants_config_gin
    ON menuca.restaurants USING gin (configuration)
    WHERE configuration IS NOT NULL;
