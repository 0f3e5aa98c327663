-- purpose: index idx_auto_repair_orders_business_status_date: open repairs of a shop (T-13)
-- minimum version: 14
-- transaction: none
-- index: auto.idx_auto_repair_orders_business_status_date
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_auto_repair_orders_business_status_date
    ON auto.repair_orders (business_id, status, created_at, estimated_completion)
    WHERE status NOT IN ('completed', 'cancelled');
