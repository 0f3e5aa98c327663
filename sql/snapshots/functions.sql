-- purpose: calls and times of functions and procedures; only those the server tracks (track_functions)
-- minimum version: 14
-- cadence: every sweep
SELECT /* perf-pipeline */
    p.oid AS funcid, n.nspname AS schema_name, p.proname AS function_name,
    pg_catalog.pg_get_function_identity_arguments(p.oid) AS arguments,
    pg_catalog.pg_stat_get_function_calls(p.oid) AS calls,
    pg_catalog.pg_stat_get_function_total_time(p.oid) AS total_time,
    pg_catalog.pg_stat_get_function_self_time(p.oid) AS self_time
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
-- those below came with the server
WHERE p.oid >= 16384
    AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    AND pg_catalog.pg_stat_get_function_calls(p.oid) IS NOT NULL
    -- these we call ourselves
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
            AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
            AND e.extname IN ('pg_stat_statements', 'pgstattuple')
    )
