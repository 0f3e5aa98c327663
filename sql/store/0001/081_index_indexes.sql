-- purpose: one index's history without a scan of the partition
-- minimum version: 14
CREATE INDEX indexes_target_indexrelid_ts ON ledger.indexes (target_id, indexrelid, ts);
