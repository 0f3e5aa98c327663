-- purpose: index idx_user_mgmt_sessions_active: a person's live sessions (T-11, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: user_mgmt.idx_user_mgmt_sessions_active
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_user_mgmt_sessions_active
    ON user_mgmt.user_sessions (user_id, expires_at, is_active)
    WHERE is_active;
