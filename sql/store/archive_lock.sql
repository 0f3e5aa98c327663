-- purpose: let one process at a time move days between store and archive; kept until its session ends
-- minimum version: 14
SELECT pg_catalog.pg_try_advisory_lock(1885696614, 2) AS held
