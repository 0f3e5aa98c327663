-- purpose: what pgstattuple finds in one table, reading only pages that are not all visible; nothing when somebody holds or wants it exclusively
-- minimum version: 14
-- extension: pgstattuple
-- grant: pg_stat_scan_tables (part of pg_monitor)
-- cadence: every hour, some tables each time
WITH wanted AS MATERIALIZED (
    SELECT c.oid FROM pg_catalog.pg_class AS c
    WHERE c.oid = %(relid)s::pg_catalog.oid AND c.relkind IN ('r', 'm', 't')
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_locks AS l
            WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.relation = c.oid
                AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
        )
)
SELECT /* perf-pipeline */
    p.table_len AS total_bytes, p.dead_tuple_len AS dead_bytes, p.approx_free_space::pg_catalog.int8 AS free_bytes,
    p.approx_tuple_count::pg_catalog.int8 AS tuples
FROM wanted AS w
CROSS JOIN LATERAL {extension}.pgstattuple_approx(w.oid::pg_catalog.regclass) AS p
