-- purpose: which of the named relations exist; reads the catalog itself: to_regclass may answer from a cache that is older than a lock just waited for
-- minimum version: 14
SELECT wanted.name
FROM pg_catalog.unnest(%(names)s::text[]) AS wanted (name)
JOIN pg_catalog.pg_class AS c ON c.relname = pg_catalog.split_part(wanted.name, '.', 2)::name
JOIN pg_catalog.pg_namespace AS n
    ON n.oid = c.relnamespace AND n.nspname = pg_catalog.split_part(wanted.name, '.', 1)::name
