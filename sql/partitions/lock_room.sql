-- purpose: locks that the server has room for, of all its sessions
-- minimum version: 14
SELECT /* perf-pipeline */
    pg_catalog.current_setting('max_locks_per_transaction')::bigint * (
        pg_catalog.current_setting('max_connections')::bigint
        + pg_catalog.current_setting('max_prepared_transactions')::bigint
    ) AS room
