-- purpose: index idx_security_audit_failure_patterns: failures of a type by UTC minute (O-09)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_security_audit_failure_patterns
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_security_audit_failure_patterns
    ON omninode.security_audit_log (event_type, date_trunc('minute', created_at AT TIME ZONE 'UTC'), success)
    WHERE NOT success;
