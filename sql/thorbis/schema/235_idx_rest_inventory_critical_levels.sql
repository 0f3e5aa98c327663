-- purpose: index idx_rest_inventory_critical_levels: what a kitchen is about to run out of, 20 % above the minimum (T-14)
-- minimum version: 14
-- transaction: none
-- index: rest.idx_rest_inventory_critical_levels
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_rest_inventory_critical_levels
    ON rest.inventory (business_id, current_quantity, minimum_quantity)
    WHERE current_quantity <= minimum_quantity * 1.2;
