-- purpose: one target's samples without a scan of the partition
-- minimum version: 14
CREATE INDEX locks_target_ts ON ledger.locks (target_id, ts);
