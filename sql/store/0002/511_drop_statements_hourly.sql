-- purpose: make room for the narrower table of the same name
-- minimum version: 14
DROP TABLE ledger.statements_hourly;
