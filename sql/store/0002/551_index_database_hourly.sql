-- purpose: one target's hours without a scan of the partition
-- minimum version: 14
CREATE INDEX database_hourly_target_hour ON ledger.database_hourly (target_id, hour);
