-- purpose: others may change other rows of the queue, but nobody folds until this transaction ends
-- minimum version: 14
-- A queue's statistics are of another moment: believed, they make the planner read and sort all of it.
SELECT /* perf-pipeline */
    pg_catalog.pg_advisory_xact_lock_shared(1885696614, 2),
    pg_catalog.set_config('enable_seqscan', 'off', true),
    pg_catalog.set_config('enable_bitmapscan', 'off', true),
    pg_catalog.set_config('enable_sort', 'off', true)
