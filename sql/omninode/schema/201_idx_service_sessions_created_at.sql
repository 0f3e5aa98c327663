-- purpose: index idx_service_sessions_created_at: sessions by age (O-01)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_service_sessions_created_at
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_service_sessions_created_at
    ON omninode.service_sessions (created_at DESC);
