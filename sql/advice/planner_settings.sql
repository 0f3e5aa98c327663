-- purpose: the settings a plan's costs depend on, and the schemas that names may be looked up in
-- minimum version: 14
-- cadence: each piece of advice
-- scope: database
SELECT /* perf-pipeline */ s.name::pg_catalog.text AS name,
    CASE
        -- whoever runs the statements: their own schemas first, every other behind
        WHEN s.name = 'search_path' THEN 'public' || COALESCE((
            SELECT ', ' || pg_catalog.string_agg(pg_catalog.quote_ident(n.nspname), ', ' ORDER BY n.nspname)
            FROM pg_catalog.pg_namespace AS n
            WHERE n.nspname NOT LIKE 'pg\_%%' AND n.nspname NOT IN ('information_schema', 'public')
        ), '')
        ELSE s.reset_val  -- in the setting's own unit
    END AS value
FROM pg_catalog.pg_settings AS s
WHERE s.name IN (
    'seq_page_cost', 'random_page_cost', 'cpu_tuple_cost', 'cpu_index_tuple_cost', 'cpu_operator_cost',
    'parallel_setup_cost', 'parallel_tuple_cost', 'effective_cache_size', 'work_mem', 'hash_mem_multiplier',
    'max_parallel_workers_per_gather', 'max_parallel_workers', 'min_parallel_table_scan_size',
    'effective_io_concurrency', 'from_collapse_limit', 'join_collapse_limit', 'search_path',
    'enable_partitionwise_join', 'enable_partitionwise_aggregate', 'default_statistics_target'
)
ORDER BY s.name
