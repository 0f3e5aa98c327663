-- purpose: memory enough that nothing is written to temporary files, word of it if something is, and how many we are
-- minimum version: 15
-- grant: SET on parameter log_temp_files, to be told
-- cadence: every sweep
-- A row of pg_stat_statements takes up to 460 bytes, its text mostly less than 2 kB; work_mem only limits what is taken.
SELECT /* perf-pipeline */
    pg_catalog.set_config(
        'work_mem',
        GREATEST(
            pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')) / 1024,
            LEAST(pg_catalog.current_setting('pg_stat_statements.max', true)::pg_catalog.int8 * 8, 262144)
        )::pg_catalog.text || 'kB',
        true
    ) AS work_mem,
    r.told AS told,
    CASE WHEN r.told THEN pg_catalog.set_config('log_temp_files', '0', true) END AS log_temp_files,
    CASE WHEN r.told THEN pg_catalog.set_config('client_min_messages', 'log', true) END AS messages,
    -- COPY is a utility statement
    pg_catalog.current_setting('pg_stat_statements.track', true) <> 'none'
    AND pg_catalog.current_setting('pg_stat_statements.track_utility', true) = 'on' AS counted,
    r.oid::pg_catalog.int8 AS role_oid,
    pg_catalog.current_setting('block_size')::pg_catalog.int8 AS block_size,
    (
        SELECT pg_catalog.count(*)
        FROM pg_catalog.pg_stat_get_activity(NULL) AS a
        WHERE a.usesysid = r.oid AND a.application_name = pg_catalog.current_setting('application_name')
            AND a.datid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
    ) AS connections
FROM (
    SELECT oid, pg_catalog.has_parameter_privilege('log_temp_files', 'SET') AS told
    FROM pg_catalog.pg_roles WHERE rolname = current_user
) AS r
