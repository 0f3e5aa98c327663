-- purpose: one target's history without a scan of the partition
-- minimum version: 14
CREATE INDEX checkpointer_target_ts ON ledger.checkpointer (target_id, ts);
