-- purpose: tables with what decides their upkeep: changes since ANALYZE, dead rows, age of transaction ids, settings, whether we may work on them
-- minimum version: 14
-- cadence: each plan of upkeep
-- scope: database
WITH maintainer AS MATERIALIZED (
    -- from PostgreSQL 17 on; no such role before
    SELECT COALESCE(bool_or(pg_catalog.pg_has_role(r.oid, 'USAGE')), false) AS of_all
    FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pg_maintain'
)
SELECT /* perf-pipeline */
    c.oid::pg_catalog.int8 AS relid, n.nspname::pg_catalog.text AS schema_name, c.relname::pg_catalog.text AS table_name,
    CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' ELSE 'materialized view' END AS kind,
    CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid::pg_catalog.int8 END AS root_relid,
    c.reltuples::pg_catalog.float8 AS planner_rows, c.relpages::pg_catalog.int8 AS pages,
    pg_catalog.current_setting('block_size')::pg_catalog.int8 AS block_bytes,
    pg_catalog.pg_stat_get_live_tuples(c.oid) AS live_rows, pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead_rows,
    pg_catalog.pg_stat_get_mod_since_analyze(c.oid) AS changed_rows,
    GREATEST(pg_catalog.pg_stat_get_last_analyze_time(c.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)) AS last_analyze,
    GREATEST(pg_catalog.pg_stat_get_last_vacuum_time(c.oid), pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)) AS last_vacuum,
    -- no storage of its own: no age
    CASE WHEN c.relfrozenxid <> '0'::pg_catalog.xid THEN pg_catalog.age(c.relfrozenxid)::pg_catalog.int8 END AS xid_age,
    CASE WHEN c.relminmxid <> '0'::pg_catalog.xid THEN pg_catalog.mxid_age(c.relminmxid)::pg_catalog.int8 END AS mxid_age,
    COALESCE(c.reloptions, '{}') AS options,
    m.of_all OR pg_catalog.pg_has_role(c.relowner, 'USAGE') OR EXISTS (
        SELECT FROM pg_catalog.aclexplode(c.relacl) AS a
        WHERE a.privilege_type = 'MAINTAIN' AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE'))
    ) AS may_maintain
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN maintainer AS m
WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'
ORDER BY n.nspname, c.relname
