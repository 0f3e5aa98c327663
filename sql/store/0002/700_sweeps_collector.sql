-- purpose: who made a sweep: process and host
-- minimum version: 14
ALTER TABLE ledger.sweeps ADD COLUMN collector text
