-- purpose: the least-privilege role that a sweep needs; run it as an administrator in the target database
-- minimum version: 14
-- Choose your own password, or leave the role without one and use certificates or peer.
CREATE ROLE perf_pipeline LOGIN PASSWORD :'password' CONNECTION LIMIT 5;
-- statistics and settings of everybody, no row of any table:
GRANT pg_monitor TO perf_pipeline;
GRANT CONNECT ON DATABASE :"database" TO perf_pipeline;
-- a sweep never waits and never runs long, even if a client forgets to say so:
ALTER ROLE perf_pipeline SET statement_timeout = '15s';
ALTER ROLE perf_pipeline SET lock_timeout = '500ms';
ALTER ROLE perf_pipeline SET default_transaction_read_only = on;
-- once per database (needs shared_preload_libraries = 'pg_stat_statements' and a restart):
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
