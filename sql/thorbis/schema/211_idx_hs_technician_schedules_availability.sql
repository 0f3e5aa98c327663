-- purpose: index idx_hs_technician_schedules_availability: a technician's shifts by day (T-12, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: hs.idx_hs_technician_schedules_availability
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_hs_technician_schedules_availability
    ON hs.technician_schedules (technician_id, schedule_date, is_available);
