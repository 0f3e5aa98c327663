-- purpose: index idx_file_attachments_entity_type: files of an entity (T-16, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: system_core.idx_file_attachments_entity_type
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_file_attachments_entity_type
    ON system_core.file_attachments (entity_type, entity_id, file_type, created_at);
