-- purpose: make room for the smaller index
-- minimum version: 14
DROP INDEX ledger.statements_daily_target_day;
