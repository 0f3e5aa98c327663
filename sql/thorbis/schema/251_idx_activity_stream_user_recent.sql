-- purpose: index idx_activity_stream_user_recent: what a person did, by time (T-16, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- build: partition by partition
-- index: system_core.idx_activity_stream_user_recent
CREATE INDEX IF NOT EXISTS idx_activity_stream_user_recent
    ON ONLY system_core.activity_stream (user_id, created_at, activity_type);
