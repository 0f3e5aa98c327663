-- purpose: counters of a database's statements in some snapshots of a PoWA repository, 4.2
-- minimum version: 14
-- extension: powa 4.2
-- grant: SELECT on the tables of the PoWA repository
SELECT /* perf-pipeline */
    (s.record).ts AS ts, s.userid::bigint AS userid, s.dbid::bigint AS dbid, s.queryid, s.toplevel,
    (s.record).calls AS calls, (s.record).total_exec_time AS total_exec_time,
    (s.record).plans AS plans, (s.record).total_plan_time AS total_plan_time, (s.record).rows AS rows,
    (s.record).shared_blks_hit AS shared_blks_hit, (s.record).shared_blks_read AS shared_blks_read,
    (s.record).shared_blks_dirtied AS shared_blks_dirtied,
    (s.record).shared_blks_written AS shared_blks_written,
    (s.record).local_blks_hit AS local_blks_hit, (s.record).local_blks_read AS local_blks_read,
    (s.record).local_blks_dirtied AS local_blks_dirtied,
    (s.record).local_blks_written AS local_blks_written,
    (s.record).temp_blks_read AS temp_blks_read, (s.record).temp_blks_written AS temp_blks_written,
    (s.record).blk_read_time AS blk_read_time, (s.record).blk_write_time AS blk_write_time,
    (s.record).wal_records AS wal_records, (s.record).wal_fpi AS wal_fpi,
    (s.record).wal_bytes::bigint AS wal_bytes
FROM (
    SELECT h.userid, h.dbid, h.queryid, h.toplevel, pg_catalog.unnest(h.records) AS record
    FROM {schema}.powa_statements_history AS h
    WHERE h.srvid = %(srvid)s AND h.dbid = %(dbid)s::bigint::oid
        AND h.coalesce_range
            && pg_catalog.tstzrange(%(first)s::timestamptz, %(last)s::timestamptz, '[]')
    UNION ALL
    SELECT h.userid, h.dbid, h.queryid, h.toplevel, h.record
    FROM {schema}.powa_statements_history_current AS h
    WHERE h.srvid = %(srvid)s AND h.dbid = %(dbid)s::bigint::oid
) AS s
WHERE (s.record).ts BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
