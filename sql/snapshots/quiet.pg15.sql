-- purpose: keep our own statements out of pg_stat_statements, for this transaction, where the role may
-- minimum version: 15
-- grant: SET on parameter pg_stat_statements.track
-- cadence: every sweep
SELECT /* perf-pipeline */ pg_catalog.set_config('pg_stat_statements.track', 'none', true)
WHERE pg_catalog.has_parameter_privilege('pg_stat_statements.track', 'SET')
