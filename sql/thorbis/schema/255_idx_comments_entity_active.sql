-- purpose: index idx_comments_entity_active: comments on an entity (T-16)
-- minimum version: 14
-- transaction: none
-- index: system_core.idx_comments_entity_active
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_comments_entity_active
    ON system_core.comments (entity_type, entity_id, is_active, created_at)
    WHERE is_active;
