-- purpose: one table's growth without a scan of the partition
-- minimum version: 14
CREATE INDEX tables_daily_target_relid_day ON ledger.tables_daily (target_id, relid, day);
