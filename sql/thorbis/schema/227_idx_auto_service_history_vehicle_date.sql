-- purpose: index idx_auto_service_history_vehicle_date: services of a vehicle by day (T-13, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: auto.idx_auto_service_history_vehicle_date
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_auto_service_history_vehicle_date
    ON auto.service_history (vehicle_id, service_date, service_type);
