-- purpose: one target's days without a scan of the partition
-- minimum version: 14
CREATE INDEX statements_hourly_target_hour ON ledger.statements_hourly (target_id, hour);
