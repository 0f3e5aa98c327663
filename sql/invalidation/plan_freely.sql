-- purpose: within a transaction that kept the planner to indexes of the queue, what comes next is planned as usual
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.set_config(s.name, s.reset_val, true) AS was
FROM pg_catalog.pg_settings AS s
WHERE s.name IN ('enable_seqscan', 'enable_bitmapscan')
