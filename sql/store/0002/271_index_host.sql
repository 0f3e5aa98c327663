-- purpose: one target's intervals without a scan of the partition
-- minimum version: 14
CREATE INDEX host_target_ts ON ledger.host (target_id, ts);
