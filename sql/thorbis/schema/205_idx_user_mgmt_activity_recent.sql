-- purpose: index idx_user_mgmt_activity_recent: a person's latest activity (T-11, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: user_mgmt.idx_user_mgmt_activity_recent
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_user_mgmt_activity_recent
    ON user_mgmt.user_activity (user_id, activity_timestamp);
