-- purpose: how far the standby that is furthest behind is from this server, NULL without standbys
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it the positions of standbys are hidden
-- cadence: before each batch
-- scope: instance
SELECT /* perf-pipeline */
    max(pg_catalog.pg_wal_lsn_diff(
        pg_catalog.pg_current_wal_lsn(), COALESCE(r.replay_lsn, r.flush_lsn, r.sent_lsn)
    ))::pg_catalog.int8 AS lag_bytes,
    (array_agg(r.application_name ORDER BY COALESCE(r.replay_lsn, r.flush_lsn, r.sent_lsn) NULLS LAST))[1] AS name
FROM pg_catalog.pg_stat_replication AS r
WHERE r.state IN ('streaming', 'catchup')
