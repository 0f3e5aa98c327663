-- purpose: keep our own statements out of pg_stat_statements, for this transaction, where the role may
-- minimum version: 14
-- grant: superuser (15 and later: SET on parameter pg_stat_statements.track)
-- cadence: every sweep
SELECT /* perf-pipeline */ pg_catalog.set_config('pg_stat_statements.track', 'none', true)
FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper
