-- purpose: settings that a server which replays this one's WAL must not have lower, and who may do anything there
-- minimum version: 14
SELECT /* perf-pipeline */ name, setting
FROM pg_catalog.pg_settings
WHERE name IN (
    'max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions',
    'max_locks_per_transaction'
)
UNION ALL
SELECT 'superuser', rolname
FROM pg_catalog.pg_roles
WHERE oid = 10  -- the role that initdb made
