-- purpose: index idx_service_sessions_service_time: active sessions of a service, newest first (O-06)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_service_sessions_service_time
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_service_sessions_service_time
    ON omninode.service_sessions (service_name, created_at DESC)
    WHERE status = 'active';
