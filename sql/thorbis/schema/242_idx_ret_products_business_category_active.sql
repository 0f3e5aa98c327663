-- purpose: index idx_ret_products_business_category_active: products of a category that are sold (T-15)
-- minimum version: 14
-- transaction: none
-- index: ret.idx_ret_products_business_category_active
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ret_products_business_category_active
    ON ret.products (business_id, category_id, is_active, created_at)
    WHERE is_active;
