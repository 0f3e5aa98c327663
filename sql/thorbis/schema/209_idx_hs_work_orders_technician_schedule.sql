-- purpose: index idx_hs_work_orders_technician_schedule: a technician's coming jobs (T-12, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: hs.idx_hs_work_orders_technician_schedule
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_hs_work_orders_technician_schedule
    ON hs.work_orders (assigned_technician_id, scheduled_date, status)
    WHERE status IN ('scheduled', 'in_progress');
