-- purpose: one target's history without a scan of the partition
-- minimum version: 14
CREATE INDEX archiver_target_ts ON ledger.archiver (target_id, ts);
