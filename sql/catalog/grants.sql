-- purpose: the least-privilege role that a sweep needs; an administrator runs it with psql in each database to be watched
-- minimum version: 14
--
--   perf-pipeline doctor --grants | psql -d shop -v password=...
--
-- Leave out `-v password` and set it with psql's \password perf_pipeline (so that it is in no log and in no
-- statistics), or let the role log in by certificate or peer. Running it twice is safe.

-- 1. a role that may log in and owns nothing
SELECT 'CREATE ROLE perf_pipeline LOGIN CONNECTION LIMIT 5'
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'perf_pipeline')
\gexec
\if :{?password}
ALTER ROLE perf_pipeline PASSWORD :'password';
\endif
-- a sweep never waits and never runs long, even if a client forgets to say so
ALTER ROLE perf_pipeline SET statement_timeout = '15s';
ALTER ROLE perf_pipeline SET lock_timeout = '500ms';
ALTER ROLE perf_pipeline SET default_transaction_read_only = on;

-- 2. what everybody does, and no row of any table: statistics (pg_read_all_stats), settings
-- (pg_read_all_settings), and the functions of pgstattuple, where it is installed (pg_stat_scan_tables). It includes
-- the texts of running statements, which a sweep never reads, and those in pg_stat_statements, which are redacted
-- before they are stored.
GRANT pg_monitor TO perf_pipeline;
GRANT CONNECT ON DATABASE :"DBNAME" TO perf_pipeline;
-- needs shared_preload_libraries = 'pg_stat_statements' and a restart
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;

-- 3. optional, from PostgreSQL 15 on, by a superuser; leave out what you do not want. For its own transactions only,
-- the role may then
SELECT pg_catalog.current_setting('server_version_num')::int >= 150000 AS from_15
\gset
\if :from_15
-- keep its own statements out of pg_stat_statements (else about twenty entries, which it recognises and leaves out)
GRANT SET ON PARAMETER pg_stat_statements.track TO perf_pipeline;
-- be told of temporary files that its own statements write (else that cost is not known)
GRANT SET ON PARAMETER log_temp_files TO perf_pipeline;
\endif
-- 4. optional: bloat measured instead of estimated; it needs no further grant
-- CREATE EXTENSION IF NOT EXISTS pgstattuple;
