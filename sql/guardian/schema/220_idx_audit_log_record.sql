-- purpose: index idx_audit_log_record: what became of a record, newest first
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: guardian.idx_audit_log_record
CREATE INDEX IF NOT EXISTS idx_audit_log_record
    ON ONLY guardian.audit_log (table_name, record_id, changed_at DESC);
