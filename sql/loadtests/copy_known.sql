-- purpose: a database of this name, what its comment says it is, and its limit of connections
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.shobj_description(d.oid, 'pg_database') AS comment, d.datconnlimit AS connection_limit
FROM pg_catalog.pg_database AS d
WHERE d.datname = %(database)s
