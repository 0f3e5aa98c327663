-- purpose: index idx_security_audit_failed: failures, newest first (O-04)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_security_audit_failed
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_security_audit_failed
    ON omninode.security_audit_log (created_at DESC)
    WHERE NOT success;
