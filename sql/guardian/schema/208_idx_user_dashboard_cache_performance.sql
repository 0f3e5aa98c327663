-- purpose: index idx_user_dashboard_cache_performance: summaries that took more than a second (G-29)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_user_dashboard_cache_performance
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_user_dashboard_cache_performance
    ON guardian.user_dashboard_cache (cache_generation_time_ms)
    WHERE cache_generation_time_ms > 1000;
