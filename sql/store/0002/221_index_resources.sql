-- purpose: one target's samples without a scan of the partition
-- minimum version: 14
CREATE INDEX resources_target_ts ON ledger.resources (target_id, ts);
