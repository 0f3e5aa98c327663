-- purpose: nobody else changes the queue until this transaction ends
-- minimum version: 14
-- A fold locks many rows in its own order, a worker that is done others in another one. Only workers wait here,
-- for one another, and a large fold takes its time: a session's short lock timeout is for the rest. A queue's
-- statistics are of another moment: believed, they make the planner read all of it for each entry.
SELECT /* perf-pipeline */
    pg_catalog.set_config('lock_timeout', '20s', true),
    pg_catalog.pg_advisory_xact_lock(1885696614, 2),
    pg_catalog.set_config('lock_timeout', w.was, true),
    pg_catalog.set_config('enable_seqscan', 'off', true),
    pg_catalog.set_config('enable_bitmapscan', 'off', true)
FROM (SELECT pg_catalog.current_setting('lock_timeout') AS was OFFSET 0) AS w
