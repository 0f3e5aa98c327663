-- purpose: which functions of caches exist with the arguments they are called with
-- minimum version: 14
SELECT /* perf-pipeline */ f.name
FROM unnest(%(names)s::text[]) AS f (name)
WHERE EXISTS (
    SELECT FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname || '.' || p.proname = f.name
        AND p.pronargs - p.pronargdefaults <= 1 AND p.proargtypes[0] = 'text[]'::pg_catalog.regtype
)
