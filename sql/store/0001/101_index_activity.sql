-- purpose: one target's samples without a scan of the partition
-- minimum version: 14
CREATE INDEX activity_target_ts ON ledger.activity (target_id, ts);
