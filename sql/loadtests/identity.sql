-- purpose: which database this is, whatever the way to it
-- minimum version: 14
SELECT /* perf-pipeline */
    pg_catalog.pg_postmaster_start_time() AS started, d.oid::pg_catalog.int8 AS oid, d.datname
FROM pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
