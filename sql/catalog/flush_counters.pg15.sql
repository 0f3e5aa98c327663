-- purpose: tell what this session wrote at its next chance, so that the next plan knows of it
-- minimum version: 15
-- grant: none
SELECT /* perf-pipeline */ pg_catalog.pg_stat_force_next_flush()
