-- purpose: index idx_audit_logs_tenant_created: a tenant's record by time, in each partition to come, too (M-40)
-- minimum version: 14
-- transaction: none
-- index: menuca.idx_audit_logs_tenant_created
-- build: partition by partition
CREATE INDEX IF NOT EXISTS idx_audit_logs_tenant_created
    ON ONLY menuca.audit_logs (tenant_id, created_at);
