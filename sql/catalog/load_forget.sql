-- purpose: take the statements of this database out of the server's list, before the database is dropped
-- minimum version: 14
-- extension: pg_stat_statements
-- grant: EXECUTE on pg_stat_statements_reset
SELECT /* perf-pipeline */ {extension}.pg_stat_statements_reset(0, d.oid, 0)
FROM pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
