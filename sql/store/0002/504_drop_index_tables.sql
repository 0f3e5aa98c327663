-- purpose: tables are read by time, of one target
-- minimum version: 14
DROP INDEX ledger.tables_target_relid_ts;
