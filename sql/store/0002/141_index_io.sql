-- purpose: one target's history without a scan of the partition
-- minimum version: 14
CREATE INDEX io_target_ts ON ledger.io (target_id, ts);
