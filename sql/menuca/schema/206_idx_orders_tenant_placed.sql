-- purpose: index idx_orders_tenant_placed: keyset pages of a tenant's orders, newest first (ours)
-- minimum version: 14
-- transaction: none
-- index: menuca.idx_orders_tenant_placed
-- build: partition by partition
CREATE INDEX IF NOT EXISTS idx_orders_tenant_placed
    ON ONLY menuca.orders (tenant_id, placed_at DESC, id DESC);
