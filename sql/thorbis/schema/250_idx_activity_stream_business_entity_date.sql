-- purpose: index idx_activity_stream_business_entity_date: what happened to an entity (T-16, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: system_core.idx_activity_stream_business_entity_date
CREATE INDEX IF NOT EXISTS idx_activity_stream_business_entity_date
    ON ONLY system_core.activity_stream (business_id, entity_type, entity_id, created_at);
