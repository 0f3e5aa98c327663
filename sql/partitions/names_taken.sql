-- purpose: which names of new partitions somebody else has (a relation, or a type)
-- minimum version: 14
SELECT /* perf-pipeline */ w.schema_name, w.name
FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS w (schema_name, name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema_name
WHERE EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = w.name)
    OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.typnamespace = n.oid AND t.typname = w.name)
