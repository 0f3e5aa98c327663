-- purpose: one table's history without a scan of the partition
-- minimum version: 14
CREATE INDEX tables_target_relid_ts ON ledger.tables (target_id, relid, ts);
