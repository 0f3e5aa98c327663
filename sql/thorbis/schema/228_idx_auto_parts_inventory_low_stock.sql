-- purpose: index idx_auto_parts_inventory_low_stock: parts a shop has to order (T-13)
-- minimum version: 14
-- transaction: none
-- index: auto.idx_auto_parts_inventory_low_stock
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_auto_parts_inventory_low_stock
    ON auto.parts_inventory (business_id, current_stock, reorder_point)
    WHERE current_stock <= reorder_point;
