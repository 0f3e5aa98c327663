-- purpose: index idx_performance_summary_hour: each hour once, which a concurrent refresh needs (O-14)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_performance_summary_hour
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_performance_summary_hour
    ON omninode.performance_summary (hour);
