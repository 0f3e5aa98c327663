-- purpose: index idx_orders_tenant_status_date: a tenant's open orders by status, newest first (M-06)
-- minimum version: 14
-- transaction: none
-- index: menuca.idx_orders_tenant_status_date
-- build: partition by partition
CREATE INDEX IF NOT EXISTS idx_orders_tenant_status_date
    ON ONLY menuca.orders (tenant_id, status, placed_at DESC)
    WHERE status IN ('pending', 'confirmed', 'preparing');
