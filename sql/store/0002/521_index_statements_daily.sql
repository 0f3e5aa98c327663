-- purpose: one target's days without a scan of the partition
-- minimum version: 14
CREATE INDEX statements_daily_target_day ON ledger.statements_daily (target_id, day);
