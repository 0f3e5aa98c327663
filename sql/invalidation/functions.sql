-- purpose: trigger functions of ours, their bodies, and whether they run as they should
-- minimum version: 14
SELECT /* perf-pipeline */
    p.proname::text AS name,
    p.prosrc AS body,
    p.prosecdef
    AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
    AND NOT pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE') AS sound
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = 'perf_pipeline_meta' AND p.proname ~ '^capture_'
ORDER BY p.proname
