-- purpose: how far vacuum, analyze, index builds, CLUSTER and COPY in this database have got
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it the work of other users is hidden
-- cadence: every sweep
-- only with: commands in progress
-- scope: database
WITH work AS (
    SELECT
        'vacuum' AS command, p.pid, p.relid, p.phase,
        CASE p.phase WHEN 'vacuuming heap' THEN p.heap_blks_vacuumed ELSE p.heap_blks_scanned END AS done,
        p.heap_blks_total AS total, 'blocks' AS unit, p.index_vacuum_count AS rounds
    FROM pg_catalog.pg_stat_progress_vacuum AS p
    WHERE p.datname = pg_catalog.current_database()
    UNION ALL
    SELECT
        'analyze', p.pid, p.relid, p.phase,
        CASE p.phase WHEN 'computing extended statistics' THEN p.ext_stats_computed ELSE p.sample_blks_scanned END,
        CASE p.phase WHEN 'computing extended statistics' THEN p.ext_stats_total ELSE p.sample_blks_total END,
        CASE p.phase WHEN 'computing extended statistics' THEN 'statistics' ELSE 'blocks' END, NULL
    FROM pg_catalog.pg_stat_progress_analyze AS p
    WHERE p.datname = pg_catalog.current_database()
    UNION ALL
    SELECT
        pg_catalog."lower"(p.command), p.pid, p.relid, p.phase,
        CASE u.unit WHEN 'sessions' THEN p.lockers_done WHEN 'rows' THEN p.tuples_done ELSE p.blocks_done END,
        CASE u.unit WHEN 'sessions' THEN p.lockers_total WHEN 'rows' THEN p.tuples_total ELSE p.blocks_total END,
        u.unit, NULL
    FROM pg_catalog.pg_stat_progress_create_index AS p
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN p.phase LIKE 'waiting %' THEN 'sessions'
            WHEN p.phase LIKE '%tuples%' THEN 'rows'
            ELSE 'blocks'
        END AS unit
    ) AS u
    WHERE p.datname = pg_catalog.current_database()
    UNION ALL
    SELECT
        pg_catalog."lower"(p.command), p.pid, p.relid, p.phase,
        CASE
            WHEN p.phase = 'seq scanning heap' THEN p.heap_blks_scanned
            WHEN p.phase LIKE 'writing %' THEN p.heap_tuples_written
            WHEN p.phase = 'rebuilding index' THEN p.index_rebuild_count
            ELSE p.heap_tuples_scanned
        END,
        CASE
            WHEN p.phase = 'seq scanning heap' THEN p.heap_blks_total
            WHEN p.phase LIKE 'writing %' THEN p.heap_tuples_scanned
        END,
        CASE
            WHEN p.phase = 'seq scanning heap' THEN 'blocks'
            WHEN p.phase = 'rebuilding index' THEN 'indexes'
            ELSE 'rows'
        END, NULL
    FROM pg_catalog.pg_stat_progress_cluster AS p
    WHERE p.datname = pg_catalog.current_database()
    UNION ALL
    -- a file has a size, a client's stream has none
    SELECT
        pg_catalog."lower"(p.command), p.pid, NULLIF(p.relid, 0), pg_catalog."lower"(p.type),
        CASE WHEN p.bytes_total > 0 THEN p.bytes_processed ELSE p.tuples_processed END,
        NULLIF(p.bytes_total, 0),
        CASE WHEN p.bytes_total > 0 THEN 'bytes' ELSE 'rows' END, NULL
    FROM pg_catalog.pg_stat_progress_copy AS p
    WHERE p.datname = pg_catalog.current_database() AND p.pid <> pg_catalog.pg_backend_pid()
)
SELECT /* perf-pipeline */
    w.command, w.pid, w.relid, n.nspname AS schema_name, c.relname AS relation_name,
    w.phase, w.done, w.total, w.unit, w.rounds,
    a.backend_type, a.query_id AS queryid,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - a.query_start)::pg_catalog.float8 AS seconds
FROM work AS w
JOIN pg_catalog.pg_stat_activity AS a ON a.pid = w.pid
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = w.relid
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
