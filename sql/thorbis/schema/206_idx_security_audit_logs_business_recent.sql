-- purpose: index idx_security_audit_logs_business_recent: a tenant's latest audit events (T-11, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: security_mgmt.idx_security_audit_logs_business_recent
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_security_audit_logs_business_recent
    ON security_mgmt.audit_logs (business_id, created_at, event_type);
