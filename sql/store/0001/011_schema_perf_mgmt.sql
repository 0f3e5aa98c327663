-- purpose: schema of what is derived from the ledger: baselines, findings, reports
-- minimum version: 14
CREATE SCHEMA IF NOT EXISTS perf_mgmt;
