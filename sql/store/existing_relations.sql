-- purpose: which of the named relations exist
-- minimum version: 14
SELECT name FROM pg_catalog.unnest(%(names)s::text[]) AS wanted (name)
WHERE pg_catalog.to_regclass(name) IS NOT NULL
