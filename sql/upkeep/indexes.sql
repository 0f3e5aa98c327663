-- purpose: indexes with their use, their definition in comparable parts, and whether they may be rebuilt; takes no lock on any of them
-- minimum version: 14
-- cadence: each plan of upkeep
-- scope: database
WITH maintainer AS MATERIALIZED (
    -- from PostgreSQL 17 on; no such role before
    SELECT COALESCE(bool_or(pg_catalog.pg_has_role(r.oid, 'USAGE')), false) AS of_all
    FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pg_maintain'
),
-- once each, not for every index: there is no catalog index on what they are looked up by
bound AS MATERIALIZED (
    SELECT k.conindid, bool_or(k.contype IN ('p', 'u', 'x')) AS is_constraint, bool_or(k.contype = 'f') AS is_referenced
    FROM pg_catalog.pg_constraint AS k WHERE k.conindid <> 0 GROUP BY k.conindid
),
worked_on AS MATERIALIZED (
    SELECT DISTINCT l.relation
    FROM pg_catalog.pg_locks AS l
    WHERE l.locktype = 'relation' AND l.pid <> pg_catalog.pg_backend_pid()
        AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'AccessExclusiveLock')
        AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
)
SELECT /* perf-pipeline */
    c.oid::pg_catalog.int8 AS relid, i.indrelid::pg_catalog.int8 AS table_relid,
    n.nspname::pg_catalog.text AS schema_name, t.relname::pg_catalog.text AS table_name, c.relname::pg_catalog.text AS index_name,
    c.relkind = 'I' AS is_partitioned, c.relispartition AS is_partition, a.amname::pg_catalog.text AS method,
    i.indisvalid AS is_valid, i.indisready AS is_ready, i.indislive AS is_live, i.indisunique AS is_unique,
    i.indisprimary AS is_primary, i.indisexclusion AS is_exclusion, i.indisreplident AS is_replica_identity,
    COALESCE(b.is_constraint, false) AS is_constraint,
    -- a foreign key elsewhere rests on it, or one of this table is looked up by it
    COALESCE(b.is_referenced, false) AS is_referenced,
    EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k
        WHERE k.conrelid = i.indrelid AND k.contype = 'f' AND k.conkey[1] = i.indkey[0]
    ) AS serves_foreign_key,
    c.relpages::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8 AS bytes,
    pg_catalog.pg_stat_get_numscans(c.oid) AS scans, pg_catalog.pg_stat_get_tuples_returned(c.oid) AS entries_read,
    pg_catalog.pg_stat_get_tuples_fetched(c.oid) AS rows_fetched,
    pg_catalog.pg_stat_get_tuples_inserted(i.indrelid) + pg_catalog.pg_stat_get_tuples_updated(i.indrelid)
        + pg_catalog.pg_stat_get_tuples_deleted(i.indrelid) AS table_writes,
    i.indkey::pg_catalog.int2[] AS columns, i.indnkeyatts::pg_catalog.int8 AS key_columns,
    i.indclass::pg_catalog.oid[]::pg_catalog.int8[] AS operator_classes, i.indcollation::pg_catalog.oid[]::pg_catalog.int8[] AS collations,
    i.indoption::pg_catalog.int2[] AS column_options,
    -- where in its statement a part stood is no part of it
    pg_catalog.regexp_replace(COALESCE(i.indexprs::pg_catalog.text, ''), ' :location -?\d+', '', 'g') AS expressions,
    pg_catalog.regexp_replace(COALESCE(i.indpred::pg_catalog.text, ''), ' :location -?\d+', '', 'g') AS predicate,
    NULLIF(pg_catalog.pg_tablespace_location(COALESCE(NULLIF(c.reltablespace, '0'), (
        SELECT d.dattablespace FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
    ))), '') AS tablespace_path,
    pg_catalog.pg_stat_get_db_stat_reset_time((
        SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
    )) AS stats_reset,
    pg_catalog.pg_postmaster_start_time() AS server_start,
    -- somebody builds, rebuilds or drops it right now
    w.relation IS NOT NULL AS is_worked_on,
    m.of_all OR pg_catalog.pg_has_role(c.relowner, 'USAGE') OR EXISTS (
        SELECT FROM pg_catalog.aclexplode(t.relacl) AS x
        WHERE x.privilege_type = 'MAINTAIN' AND (x.grantee = 0 OR pg_catalog.pg_has_role(x.grantee, 'USAGE'))
    ) AS may_maintain,
    pg_catalog.pg_has_role(t.relowner, 'USAGE') AS may_drop
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
CROSS JOIN maintainer AS m
LEFT JOIN bound AS b ON b.conindid = c.oid
LEFT JOIN worked_on AS w ON w.relation = c.oid
WHERE c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'
ORDER BY n.nspname, c.relname
