-- purpose: let a refresh sort and hash in as much memory as maintenance may have, at most 64 MB, until its transaction ends
-- minimum version: 14
-- One refresh at a time works on a target; never less than the server allows anyway.
SELECT /* perf-pipeline */ pg_catalog.set_config(
    'work_mem',
    greatest(
        pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')),
        least(pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')), 67108864)
    ) / 1024 || 'kB',
    true
)
