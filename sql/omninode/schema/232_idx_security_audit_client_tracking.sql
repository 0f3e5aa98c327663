-- purpose: index idx_security_audit_client_tracking: events by client address (O-09; a btree of text, since what a client sends need not be an address)
-- minimum version: 14
-- transaction: none
-- index: omninode.idx_security_audit_client_tracking
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_security_audit_client_tracking
    ON omninode.security_audit_log (left(client_info ->> 'ip_address', 64))
    WHERE client_info ? 'ip_address';
