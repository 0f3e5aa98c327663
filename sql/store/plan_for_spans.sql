-- purpose: plan this transaction's reads for whole spans of days: a new partition has no statistics yet, and a nested loop chosen for "one row" then runs for half a minute
-- minimum version: 14
SELECT pg_catalog.set_config('enable_nestloop', 'off', true)
