-- purpose: one folds at a time; claims and finished work wait for it, and it for them, for milliseconds
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.pg_try_advisory_xact_lock(1885696614, 1) AS got
