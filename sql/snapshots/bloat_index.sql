-- purpose: what pgstattuple finds in one btree index, reading all its pages; nothing when somebody holds or wants it or its table exclusively
-- minimum version: 14
-- extension: pgstattuple
-- grant: pg_stat_scan_tables (part of pg_monitor)
-- cadence: every hour, some indexes each time
WITH wanted AS MATERIALIZED (
    SELECT i.indexrelid AS oid FROM pg_catalog.pg_index AS i
    WHERE i.indexrelid = %(relid)s::pg_catalog.oid AND i.indisvalid AND i.indisready
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_locks AS l
            WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
                AND l.relation IN (i.indexrelid, i.indrelid)
                AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
        )
)
SELECT /* perf-pipeline */
    p.index_size AS total_bytes, p.leaf_pages, p.empty_pages + p.deleted_pages AS unused_pages,
    NULLIF(p.avg_leaf_density, 'NaN') / 100 AS leaf_density
FROM wanted AS w
CROSS JOIN LATERAL {extension}.pgstatindex(w.oid::pg_catalog.regclass) AS p
