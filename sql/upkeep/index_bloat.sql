-- purpose: what pgstattuple finds in one btree index just now, reading all its pages; nothing when somebody holds or wants it or its table exclusively
-- minimum version: 14
-- extension: pgstattuple
-- grant: pg_stat_scan_tables (part of pg_monitor)
-- cadence: before each rebuild
-- scope: database
WITH wanted AS MATERIALIZED (
    SELECT
        i.indexrelid AS oid, pg_catalog.current_setting('block_size')::pg_catalog.int8 AS block_bytes,
        COALESCE((
            SELECT pg_catalog.split_part(f.option, '=', 2)::pg_catalog.float8
            FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL pg_catalog.unnest(c.reloptions) AS f (option)
            WHERE c.oid = i.indexrelid AND f.option LIKE 'fillfactor=%%'
        ), 90.0) / 100.0 AS fill
    FROM pg_catalog.pg_index AS i
    WHERE i.indexrelid = %(relid)s::pg_catalog.oid AND i.indisvalid AND i.indisready
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_locks AS l
            WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
                AND l.relation IN (i.indexrelid, i.indrelid)
                AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
        )
)
SELECT /* perf-pipeline */
    p.index_size AS total_bytes,
    -- pages without use, and what leaves lack to what a rebuild fills them to
    round((
        p.empty_pages + p.deleted_pages
        + p.leaf_pages * GREATEST(0.0, 1.0 - NULLIF(p.avg_leaf_density, 'NaN') / 100.0 / w.fill)
    ) * w.block_bytes)::pg_catalog.int8 AS wasted_bytes
FROM wanted AS w
CROSS JOIN LATERAL {extension}.pgstatindex(w.oid::pg_catalog.regclass) AS p
