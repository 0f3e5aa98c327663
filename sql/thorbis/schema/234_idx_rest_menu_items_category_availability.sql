-- purpose: index idx_rest_menu_items_category_availability: dishes of a category that can be had (T-14)
-- minimum version: 14
-- transaction: none
-- index: rest.idx_rest_menu_items_category_availability
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_rest_menu_items_category_availability
    ON rest.menu_items (business_id, category_id, is_available, popularity_score)
    WHERE is_available;
