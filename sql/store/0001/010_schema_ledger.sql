-- purpose: schema of the ledger: what happened in each interval of each target
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS ledger;
