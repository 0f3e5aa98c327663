-- purpose: others may change other rows of the queue, but nobody folds until this transaction ends
-- minimum version: 14
-- Whoever comes while one folds waits for as long as that takes, whatever the session's lock timeout.
-- A queue's statistics are of another moment: believed, they make the planner read and sort all of it.
SELECT /* perf-pipeline */
    pg_catalog.set_config('lock_timeout', '20s', true),
    pg_catalog.pg_advisory_xact_lock_shared(1885696614, 2),
    pg_catalog.set_config('lock_timeout', w.was, true),
    pg_catalog.set_config('enable_seqscan', 'off', true),
    pg_catalog.set_config('enable_bitmapscan', 'off', true),
    pg_catalog.set_config('enable_sort', 'off', true)
FROM (SELECT pg_catalog.current_setting('lock_timeout') AS was OFFSET 0) AS w
