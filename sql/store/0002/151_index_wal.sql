-- purpose: one target's history without a scan of the partition
-- minimum version: 14
CREATE INDEX wal_target_ts ON ledger.wal (target_id, ts);
