-- purpose: one target's samples without a scan of the partition
-- minimum version: 14
CREATE INDEX replication_target_ts ON ledger.replication (target_id, ts);
