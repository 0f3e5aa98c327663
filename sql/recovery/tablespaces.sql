-- purpose: tablespaces that somebody made, and how many bytes all databases take
-- minimum version: 14
SELECT /* perf-pipeline */
    coalesce((
        SELECT pg_catalog.array_agg(t.spcname ORDER BY t.spcname)
        FROM pg_catalog.pg_tablespace AS t
        WHERE t.spcname NOT IN ('pg_default', 'pg_global')
    ), '{}') AS names,
    (SELECT sum(pg_catalog.pg_database_size(d.oid)) FROM pg_catalog.pg_database AS d)::bigint AS bytes
