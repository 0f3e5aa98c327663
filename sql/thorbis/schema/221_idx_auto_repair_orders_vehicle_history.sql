-- purpose: index idx_auto_repair_orders_vehicle_history: a vehicle's visits (T-13, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: auto.idx_auto_repair_orders_vehicle_history
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_auto_repair_orders_vehicle_history
    ON auto.repair_orders (vehicle_id, created_at, status);
