-- purpose: what of the server decides upkeep: version, settings of autovacuum, where its files are, its own process, extensions
-- minimum version: 14
-- grant: pg_read_all_settings (part of pg_monitor); without it the data directory, and with it its free space, is unknown
-- cadence: each plan of upkeep
-- scope: database
SELECT /* perf-pipeline */
    pg_catalog.current_setting('server_version_num')::pg_catalog.int4 / 10000 AS major,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    s.pid, s.backend_start AT TIME ZONE 'UTC' AS backend_start,
    pg_catalog.pg_postmaster_start_time() AT TIME ZONE 'UTC' AS postmaster_start,
    pg_catalog.host(pg_catalog.inet_client_addr()) AS client, pg_catalog.host(pg_catalog.inet_server_addr()) AS server,
    CASE WHEN pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')
        THEN pg_catalog.current_setting('data_directory')
    END AS data_directory,
    (
        SELECT x.extnamespace::pg_catalog.regnamespace::pg_catalog.text
        FROM pg_catalog.pg_extension AS x WHERE x.extname = 'pgstattuple'
    ) AS pgstattuple_schema,
    pg_catalog.current_setting('autovacuum')::pg_catalog.bool AS autovacuum,
    pg_catalog.current_setting('autovacuum_vacuum_threshold')::pg_catalog.float8 AS vacuum_threshold,
    pg_catalog.current_setting('autovacuum_vacuum_scale_factor')::pg_catalog.float8 AS vacuum_scale_factor,
    -- from PostgreSQL 18 on
    pg_catalog.current_setting('autovacuum_vacuum_max_threshold', true)::pg_catalog.float8 AS vacuum_max_threshold,
    pg_catalog.current_setting('autovacuum_freeze_max_age')::pg_catalog.int8 AS freeze_max_age,
    pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::pg_catalog.int8 AS multixact_freeze_max_age,
    pg_catalog.age(d.datfrozenxid)::pg_catalog.int8 AS database_xid_age,
    pg_catalog.mxid_age(d.datminmxid)::pg_catalog.int8 AS database_mxid_age
FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS s
CROSS JOIN pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
