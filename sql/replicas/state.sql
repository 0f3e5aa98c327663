-- purpose: whether a server is a standby, what it receives, and how far its replay is behind
-- minimum version: 14
-- Seconds since the last commit it replayed say nothing while the primary is quiet: all that was
-- received being replayed, it is not behind, as long as it still hears from its primary.
SELECT /* perf-pipeline */
    s.in_recovery,
    (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() AS c) AS cluster,
    pg_catalog.pg_postmaster_start_time()::text AS started_at,
    coalesce(r.status, '') AS receiver,
    extract(epoch FROM pg_catalog.clock_timestamp() - r.last_msg_receipt_time)::double precision AS silent_s,
    CASE
        WHEN NOT s.in_recovery THEN 0
        WHEN pg_catalog.pg_last_wal_replay_lsn() >= pg_catalog.pg_last_wal_receive_lsn() THEN 0
        ELSE extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())
    END::double precision AS lag_s
FROM (SELECT pg_catalog.pg_is_in_recovery() AS in_recovery) AS s
LEFT JOIN pg_catalog.pg_stat_wal_receiver AS r ON true
