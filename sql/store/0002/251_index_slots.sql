-- purpose: one target's samples without a scan of the partition
-- minimum version: 14
CREATE INDEX slots_target_ts ON ledger.slots (target_id, ts);
