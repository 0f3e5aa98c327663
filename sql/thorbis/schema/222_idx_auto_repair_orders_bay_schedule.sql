-- purpose: index idx_auto_repair_orders_bay_schedule: how a bay is filled (T-13)
-- minimum version: 14
-- transaction: none
-- index: auto.idx_auto_repair_orders_bay_schedule
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_auto_repair_orders_bay_schedule
    ON auto.repair_orders (assigned_bay_id, scheduled_start, scheduled_end)
    WHERE status IN ('scheduled', 'in_progress');
