-- purpose: one relation of somebody else's in a database in which we have recorded nothing
-- minimum version: 14
SELECT n.nspname || '.' || c.relname
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'perf_pipeline_meta')
    AND n.nspname NOT LIKE 'pg\_%%'
    AND pg_catalog.to_regclass('perf_pipeline_meta.applied_file') IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM pg_catalog.pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY 1
LIMIT 1
