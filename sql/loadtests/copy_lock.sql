-- purpose: let one run at a time have the copy of a database; false: another has it
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended(%(database)s, 1819242596)) AS locked
