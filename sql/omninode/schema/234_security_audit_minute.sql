-- purpose: statistics omninode.security_audit_minute: how events spread over UTC minutes (O-09)
-- minimum version: 14
-- The planner does not take what it learns of a partial index's expression, and would not use that index.
CREATE STATISTICS IF NOT EXISTS omninode.security_audit_minute
    ON (date_trunc('minute', created_at AT TIME ZONE 'UTC'))
    FROM omninode.security_audit_log;
