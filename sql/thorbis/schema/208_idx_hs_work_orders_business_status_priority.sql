-- purpose: index idx_hs_work_orders_business_status_priority: open work of a tenant by status and priority (T-12)
-- minimum version: 14
-- transaction: none
-- index: hs.idx_hs_work_orders_business_status_priority
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_hs_work_orders_business_status_priority
    ON hs.work_orders (business_id, status, priority_level, scheduled_date)
    WHERE status NOT IN ('completed', 'cancelled');
