-- purpose: a database of this name, and what its comment says it is
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.shobj_description(d.oid, 'pg_database') AS comment
FROM pg_catalog.pg_database AS d
WHERE d.datname = %(database)s
