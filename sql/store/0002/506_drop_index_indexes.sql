-- purpose: indexes are read by time, of one target
-- minimum version: 14
DROP INDEX ledger.indexes_target_indexrelid_ts;
