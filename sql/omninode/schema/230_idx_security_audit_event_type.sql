-- purpose: index idx_security_audit_event_type: events of a type, newest first (O-04)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_security_audit_event_type
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_security_audit_event_type
    ON omninode.security_audit_log (event_type, created_at DESC);
