-- purpose: what the doctor looks at that needs no extension: one row
-- minimum version: 14
SELECT
    current_setting('server_version') AS server_version,
    current_user::text AS role_name,
    current_database()::text AS database_name,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS is_superuser,
    pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE') AS has_pg_monitor,
    pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS has_read_all_stats,
    current_setting('track_io_timing') AS track_io_timing,
    current_setting('track_activities') AS track_activities,
    current_setting('track_counts') AS track_counts,
    current_setting('compute_query_id', true) AS compute_query_id,
    current_setting('statement_timeout') AS statement_timeout,
    current_setting('lock_timeout') AS lock_timeout,
    current_setting('pg_stat_statements.max', true) AS statements_max,
    current_setting('pg_stat_statements.track', true) AS statements_track,
    (
        SELECT extversion FROM pg_catalog.pg_extension
        WHERE extname = 'pg_stat_statements'
    ) AS statements_version,
    (
        SELECT default_version FROM pg_catalog.pg_available_extensions
        WHERE name = 'pg_stat_statements'
    ) AS statements_available,
    (
        SELECT nspname::text FROM pg_catalog.pg_extension AS e
        JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'pg_stat_statements'
    ) AS statements_schema,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp())::double precision AS server_epoch
