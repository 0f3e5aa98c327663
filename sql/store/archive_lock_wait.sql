-- purpose: wait until no other process moves days between store and archive; kept until the transaction ends
-- minimum version: 14
SELECT pg_catalog.pg_advisory_xact_lock(1885696614, 2)
