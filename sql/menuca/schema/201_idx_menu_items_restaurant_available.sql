-- purpose: index idx_menu_items_restaurant_available: what a guest of a restaurant can order (M-07)
-- minimum version: 14
-- transaction: none
-- index: menuca.idx_menu_items_restaurant_available
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_menu_items_restaurant_available
    ON menuca.menu_items (restaurant_id, status)
    WHERE status = 'available';
