-- purpose: by what this session's process can be recognised, should the server run on our own machine
-- minimum version: 14
-- grant: pg_read_all_settings (part of pg_monitor); without it the data directory, and with it its disk, is unknown
-- cadence: every sweep
-- scope: instance
SELECT /* perf-pipeline */
    s.pid, s.backend_start, pg_catalog.pg_postmaster_start_time() AS postmaster_start,
    -- of a Unix socket both are NULL
    pg_catalog.host(pg_catalog.inet_client_addr()) AS client,
    pg_catalog.host(pg_catalog.inet_server_addr()) AS server,
    CASE WHEN pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')
        THEN pg_catalog.current_setting('data_directory')
    END AS data_directory
FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS s
