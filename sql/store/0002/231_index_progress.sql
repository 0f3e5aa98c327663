-- purpose: one target's samples without a scan of the partition
-- minimum version: 14
CREATE INDEX progress_target_ts ON ledger.progress (target_id, ts);
