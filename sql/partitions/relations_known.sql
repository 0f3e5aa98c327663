-- purpose: which of some relations still exist, and under which name
-- minimum version: 14
SELECT /* perf-pipeline */ c.oid, n.nspname, c.relname
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%(oids)s::oid[])
