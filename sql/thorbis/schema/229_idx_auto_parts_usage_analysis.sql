-- purpose: index idx_auto_parts_usage_analysis: use of a part by day (T-13, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: auto.idx_auto_parts_usage_analysis
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_auto_parts_usage_analysis
    ON auto.parts_usage (part_id, usage_date, repair_order_id);
