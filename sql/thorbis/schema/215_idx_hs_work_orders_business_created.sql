-- purpose: index idx_hs_work_orders_business_created: keyset pages of a tenant's work orders, newest first (T-19)
-- minimum version: 14
-- transaction: none
-- index: hs.idx_hs_work_orders_business_created
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_hs_work_orders_business_created
    ON hs.work_orders (business_id, created_at DESC, id DESC);
