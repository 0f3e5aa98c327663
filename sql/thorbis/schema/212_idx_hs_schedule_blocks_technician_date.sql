-- purpose: index idx_hs_schedule_blocks_technician_date: how a technician's day is filled (T-12, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: hs.idx_hs_schedule_blocks_technician_date
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_hs_schedule_blocks_technician_date
    ON hs.schedule_blocks (technician_id, block_date, start_time, end_time);
