-- purpose: one target's samples without a scan of the partition
-- minimum version: 14
CREATE INDEX bloat_target_ts ON ledger.bloat (target_id, ts);
