-- purpose: make room for the smaller index
-- minimum version: 14
DROP INDEX ledger.statements_hourly_target_hour;
