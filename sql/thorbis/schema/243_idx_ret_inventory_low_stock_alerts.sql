-- purpose: index idx_ret_inventory_low_stock_alerts: products a shop has to order (T-15)
-- minimum version: 14
-- transaction: none
-- index: ret.idx_ret_inventory_low_stock_alerts
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_ret_inventory_low_stock_alerts
    ON ret.inventory (business_id, current_stock, reorder_level, is_active)
    WHERE current_stock <= reorder_level AND is_active;
