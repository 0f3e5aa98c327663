-- purpose: definitions of the given indexes, except of tables somebody holds or wants exclusively
-- minimum version: 14
-- cadence: for indexes not seen before, or altered
SELECT /* perf-pipeline */
    i.indexrelid::pg_catalog.int8 AS index_oid,
    pg_catalog.pg_get_indexdef(i.indexrelid) AS definition
FROM pg_catalog.pg_index AS i
WHERE i.indexrelid = ANY (%(oids)s::pg_catalog.oid[])
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_locks AS l
        WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
            AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
            AND l.relation IN (i.indrelid, i.indexrelid)
    )
