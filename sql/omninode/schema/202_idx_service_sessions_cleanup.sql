-- purpose: index idx_service_sessions_cleanup: sessions by end (O-01)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_service_sessions_cleanup
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_service_sessions_cleanup
    ON omninode.service_sessions (session_end)
    WHERE session_end IS NOT NULL;
