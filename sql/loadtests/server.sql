-- purpose: the server a load test runs on: version, size of the database, and the settings that decide how fast it is
-- minimum version: 14
SELECT /* perf-pipeline */
    pg_catalog.current_setting('server_version_num')::pg_catalog.int4 AS server_version_num,
    pg_catalog.version() AS database_version,
    pg_catalog.pg_database_size(pg_catalog.current_database()) AS data_bytes,
    pg_catalog.current_setting('max_connections')::pg_catalog.int4
    - pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int4 AS connections,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    (
        SELECT pg_catalog.jsonb_object_agg(s.name, pg_catalog.current_setting(s.name))
        FROM pg_catalog.pg_settings AS s
        WHERE s.name IN (
            'autovacuum', 'checkpoint_timeout', 'default_statistics_target', 'effective_cache_size',
            'effective_io_concurrency', 'fsync', 'full_page_writes', 'huge_pages', 'io_method', 'jit',
            'maintenance_work_mem', 'max_connections', 'max_parallel_workers',
            'max_parallel_workers_per_gather', 'max_wal_size', 'random_page_cost', 'seq_page_cost',
            'shared_buffers', 'synchronous_commit', 'track_io_timing', 'wal_compression', 'wal_level',
            'work_mem'
        )
    ) AS settings
