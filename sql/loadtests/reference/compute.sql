-- purpose: work that is the same on every database: what a processor of the server gets done
-- minimum version: 14
-- weight: 3
SELECT /* perf-pipeline reference */ pg_catalog.sum(n) FROM pg_catalog.generate_series(1, 2000) AS n;
