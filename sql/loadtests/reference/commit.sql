-- purpose: a transaction that writes nothing but to the log, and waits for it
-- minimum version: 14
-- weight: 1
SELECT /* perf-pipeline reference */ pg_catalog.pg_logical_emit_message(true, 'perf-pipeline', pg_catalog.repeat('x', 400));
