-- purpose: index idx_user_dashboard_cache_updated: summaries by age (G-29)
-- minimum version: 14
-- transaction: none
-- index: guardian.idx_user_dashboard_cache_updated
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_user_dashboard_cache_updated
    ON guardian.user_dashboard_cache (cache_updated_at);
