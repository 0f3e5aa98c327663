-- purpose: forget the counters this transaction has read; before 15 there is no way to tell one's own early
-- minimum version: 14
-- grant: none
SELECT /* perf-pipeline */ pg_catalog.pg_stat_clear_snapshot()
