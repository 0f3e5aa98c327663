-- purpose: what the server has a fixed number of, and how much of it is taken
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it processes of other users are not told apart, and their number is absent
-- cadence: every sweep
-- scope: instance
WITH backends AS MATERIALIZED (
    SELECT a.backend_type, pg_catalog.count(*) AS processes
    FROM pg_catalog.pg_stat_get_activity(NULL) AS a
    GROUP BY 1
),
taken AS (
    SELECT
        v.resource,
        CASE WHEN pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') THEN COALESCE(b.processes, 0) END AS used,
        pg_catalog.current_setting(v.setting)::pg_catalog.int8 AS capacity
    FROM (
        VALUES
        ('connections', 'client backend', 'max_connections'),
        ('autovacuum workers', 'autovacuum worker', 'autovacuum_max_workers'),
        ('parallel workers', 'parallel worker', 'max_parallel_workers'),
        ('WAL senders', 'walsender', 'max_wal_senders')
    ) AS v (resource, backend_type, setting)
    LEFT JOIN backends AS b USING (backend_type)
    UNION ALL
    -- of max_connections those that ordinary roles do not get (reserved_connections: 16 and later)
    SELECT 'reserved connections', NULL,
        pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int8
        + COALESCE(pg_catalog.current_setting('reserved_connections', true), '0')::pg_catalog.int8
    UNION ALL
    SELECT 'replication slots', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_get_replication_slots()),
        pg_catalog.current_setting('max_replication_slots')::pg_catalog.int8
    UNION ALL
    SELECT 'prepared transactions', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xact()),
        pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int8
    UNION ALL
    -- the server takes no new transaction 3 million before the numbers run out
    SELECT t.resource, t.used, 2147483648 - 3000000
    FROM (
        SELECT pg_catalog.max(pg_catalog.age(d.datfrozenxid)) AS xids, pg_catalog.max(pg_catalog.mxid_age(d.datminmxid)) AS mxids
        FROM pg_catalog.pg_database AS d
    ) AS o
    CROSS JOIN LATERAL (VALUES ('transaction ids', o.xids), ('multixact ids', o.mxids)) AS t (resource, used)
)
SELECT /* perf-pipeline */ t.resource, t.used, t.capacity
FROM taken AS t
WHERE t.capacity > 0
