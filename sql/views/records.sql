-- purpose: the tables of our records in this database, by oid; takes no lock on them
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.array_agg(c.oid::bigint) AS oids
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'perf_pipeline_meta' AND c.relkind = 'r'
