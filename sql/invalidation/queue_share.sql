-- purpose: others may change other rows of the queue, but nobody folds until this transaction ends
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.pg_advisory_xact_lock_shared(1885696614, 2)
