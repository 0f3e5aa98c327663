-- purpose: nobody else changes the queue until this transaction ends
-- minimum version: 14
-- A fold locks many rows in its own order, a worker that is done others in another one.
SELECT /* perf-pipeline */ pg_catalog.pg_advisory_xact_lock(1885696614, 2)
