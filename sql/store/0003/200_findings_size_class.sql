-- purpose: the size class of a finding in the described regression report; null for an improvement
-- minimum version: 14
ALTER TABLE perf_mgmt.findings
    ADD COLUMN size_class text CHECK (size_class IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL'));
