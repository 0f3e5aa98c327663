-- purpose: index idx_service_sessions_service_status: active sessions of a service (O-01)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_service_sessions_service_status
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_service_sessions_service_status
    ON omninode.service_sessions (service_name, status)
    WHERE status = 'active';
