-- purpose: index idx_service_sessions_duration: ended sessions of a service by duration (O-06)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_service_sessions_duration
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_service_sessions_duration
    ON omninode.service_sessions (service_name, (EXTRACT(EPOCH FROM (session_end - session_start))))
    WHERE session_end IS NOT NULL;
