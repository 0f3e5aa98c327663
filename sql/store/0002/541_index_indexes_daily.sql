-- purpose: one index's use without a scan of the partition
-- minimum version: 14
CREATE INDEX indexes_daily_target_indexrelid_day ON ledger.indexes_daily (target_id, indexrelid, day);
