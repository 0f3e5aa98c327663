-- purpose: one target's samples without a scan of the partition
-- minimum version: 14
CREATE INDEX connections_target_ts ON ledger.connections (target_id, ts);
