-- purpose: since when the server keeps statistics: after a crash it throws all away, and of that only such a time tells
-- minimum version: 14
-- cadence: every sweep
SELECT /* perf-pipeline */ a.stats_reset FROM pg_catalog.pg_stat_get_archiver() AS a
