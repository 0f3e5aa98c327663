-- purpose: the ledger is read by time, of one target
-- minimum version: 14
DROP INDEX ledger.statements_target_queryid_ts;
