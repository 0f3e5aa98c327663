-- purpose: one table's history without a scan of the partition
-- minimum version: 14
CREATE INDEX table_io_target_relid_ts ON ledger.table_io (target_id, relid, ts);
