-- purpose: one target's history without a scan of the partition
-- minimum version: 14
CREATE INDEX database_target_ts ON ledger.database (target_id, ts);
