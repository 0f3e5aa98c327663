-- purpose: nobody else changes the queue until this transaction ends
-- minimum version: 14
-- A fold locks many rows in its own order, a worker that is done others in another one. A queue's statistics
-- are of another moment: believed, they make the planner read all of it for each entry.
SELECT /* perf-pipeline */
    pg_catalog.pg_advisory_xact_lock(1885696614, 2),
    pg_catalog.set_config('enable_seqscan', 'off', true),
    pg_catalog.set_config('enable_bitmapscan', 'off', true)
