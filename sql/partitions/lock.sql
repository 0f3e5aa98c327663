-- purpose: one maintainer of partitions for a database; the server frees it when we die
-- minimum version: 14
SELECT /* perf-pipeline */ pg_catalog.pg_try_advisory_lock(1886413428, 1953066607)
