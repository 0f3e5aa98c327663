-- purpose: index idx_ret_product_variants_parent_active: variants of a product that are sold (T-15)
-- minimum version: 14
-- transaction: none
-- index: ret.idx_ret_product_variants_parent_active
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ret_product_variants_parent_active
    ON ret.product_variants (parent_product_id, is_active, variant_type)
    WHERE is_active;
