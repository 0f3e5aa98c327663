-- purpose: what must be known before a sweep: the clock, which extensions live where, what this role may see
-- minimum version: 14
-- cadence: every sweep
SELECT /* perf-pipeline */
    pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS server_version_num,
    pg_catalog.now() AS ts,
    pg_catalog.pg_postmaster_start_time() AS postmaster_start,
    COALESCE(pg_catalog.host(pg_catalog.inet_server_addr()), 'local') AS address,
    COALESCE(pg_catalog.inet_server_port(), pg_catalog.current_setting('port')::pg_catalog.int4) AS port,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    d.oid AS database_oid,
    pg_catalog.pg_stat_get_db_stat_reset_time(d.oid) AS database_stats_reset,
    current_user AS role_name,
    pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
    pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE') AS sees_settings,
    -- NULL where a function is no more
    pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pg_catalog.pg_control_system()'), 'EXECUTE')
    AND pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pg_catalog.pg_control_checkpoint()'), 'EXECUTE')
        AS sees_control,
    pg_catalog.current_setting('pg_stat_statements.track_utility', true) IS NOT NULL AS statements_loaded,
    (SELECT e.extversion FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pg_stat_statements')
        AS statements_version,
    (
        SELECT pg_catalog.json_object_agg(e.extname, n.nspname)
        FROM pg_catalog.pg_extension AS e
        JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
    ) AS extensions
FROM pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
