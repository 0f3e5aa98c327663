-- purpose: index idx_notifications_recipient_unread: a person's unread messages by priority (T-16)
-- minimum version: 14
-- transaction: none
-- index: system_core.idx_notifications_recipient_unread
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_notifications_recipient_unread
    ON system_core.notifications (recipient_id, is_read, priority_level, created_at)
    WHERE NOT is_read;
