-- purpose: index idx_integration_sync_logs_status_date: runs of an exchange by state and time (T-16, without a clock in the predicate)
-- minimum version: 14
-- transaction: none
-- index: system_core.idx_integration_sync_logs_status_date
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_integration_sync_logs_status_date
    ON system_core.integration_sync_logs (integration_id, sync_status, sync_start_time);
