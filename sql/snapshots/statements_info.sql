-- purpose: when pg_stat_statements was last emptied and how often it made room by throwing entries out
-- minimum version: 14
-- extension: pg_stat_statements
-- cadence: every sweep
SELECT /* perf-pipeline */ dealloc, stats_reset FROM {extension}.pg_stat_statements_info
