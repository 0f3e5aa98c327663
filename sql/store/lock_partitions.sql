-- purpose: let one transaction at a time create partitions of the store
-- minimum version: 14
SELECT pg_catalog.pg_advisory_xact_lock(1885696614, 1)
