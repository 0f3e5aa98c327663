-- purpose: index idx_notifications_business_type_date: a tenant's messages of a kind, by time (T-16, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: system_core.idx_notifications_business_type_date
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_notifications_business_type_date
    ON system_core.notifications (business_id, notification_type, created_at);
