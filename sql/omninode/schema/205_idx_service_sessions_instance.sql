-- purpose: index idx_service_sessions_instance: sessions of an instance by status and last change (O-06)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_service_sessions_instance
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_service_sessions_instance
    ON omninode.service_sessions (instance_id, status, updated_at DESC)
    WHERE instance_id IS NOT NULL;
