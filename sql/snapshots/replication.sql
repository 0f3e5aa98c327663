-- purpose: standbys and base backups that take WAL from this server, and what this server as a standby takes from its primary
-- minimum version: 14
-- grant: pg_read_all_stats (part of pg_monitor); without it only the process ids are shown
-- cadence: every sweep
-- only with: replication
-- scope: instance
WITH here AS MATERIALIZED (
    SELECT
        pg_catalog.pg_is_in_recovery() AS in_recovery,
        CASE WHEN pg_catalog.pg_is_in_recovery()
            THEN COALESCE(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
            ELSE pg_catalog.pg_current_wal_lsn()
        END AS lsn,
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() END AS replayed,
        CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_xact_replay_timestamp() END AS replayed_at
),
received AS (
    SELECT w.*, h.replayed, h.replayed_at, GREATEST(w.latest_end_lsn, h.lsn) AS known_end
    FROM here AS h
    LEFT JOIN pg_catalog.pg_stat_wal_receiver AS w ON true
    WHERE h.in_recovery
),
-- The end of what was received may be half a record, for as long as the primary is idle: what is
-- behind is a standby whose startup process does not wait for more. And what was just written is
-- behind for a moment only: look again.
again AS MATERIALIZED (
    SELECT CASE WHEN w.known_end > w.replayed AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_stat_get_activity(NULL) AS p
        WHERE p.backend_type = 'startup' AND p.wait_event IN ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')
    ) THEN pg_catalog.pg_sleep(0.02) IS NOT NULL END AS is_behind
    FROM received AS w
)
SELECT /* perf-pipeline */
    'sends' AS direction,
    pg_catalog."left"(r.application_name, 64) AS application_name,
    pg_catalog.host(r.client_addr) AS peer,
    s.slot_name::pg_catalog.text AS slot_name,
    r.state, r.sync_state,
    pg_catalog.pg_wal_lsn_diff(h.lsn, r.sent_lsn)::pg_catalog.int8 AS send_lag_bytes,
    pg_catalog.pg_wal_lsn_diff(h.lsn, r.write_lsn)::pg_catalog.int8 AS write_lag_bytes,
    pg_catalog.pg_wal_lsn_diff(h.lsn, r.flush_lsn)::pg_catalog.int8 AS flush_lag_bytes,
    pg_catalog.pg_wal_lsn_diff(h.lsn, r.replay_lsn)::pg_catalog.int8 AS replay_lag_bytes,
    EXTRACT(EPOCH FROM r.write_lag)::pg_catalog.float8 AS write_lag_seconds,
    EXTRACT(EPOCH FROM r.flush_lag)::pg_catalog.float8 AS flush_lag_seconds,
    EXTRACT(EPOCH FROM r.replay_lag)::pg_catalog.float8 AS replay_lag_seconds,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - r.reply_time)::pg_catalog.float8 AS last_message_seconds,
    b.phase AS backup_phase, b.backup_streamed AS backup_bytes, b.backup_total AS backup_total_bytes
FROM pg_catalog.pg_stat_replication AS r
CROSS JOIN here AS h
LEFT JOIN pg_catalog.pg_replication_slots AS s ON s.active_pid = r.pid
LEFT JOIN pg_catalog.pg_stat_progress_basebackup AS b ON b.pid = r.pid
UNION ALL
SELECT
    'receives', NULL, pg_catalog."left"(w.sender_host, 255), w.slot_name, w.status, NULL,
    NULL,
    pg_catalog.pg_wal_lsn_diff(w.known_end, w.written_lsn)::pg_catalog.int8,
    pg_catalog.pg_wal_lsn_diff(w.known_end, w.flushed_lsn)::pg_catalog.int8,
    pg_catalog.pg_wal_lsn_diff(w.known_end, w.replayed)::pg_catalog.int8,
    NULL, NULL,
    -- At most. Up to date while the primary sends and nothing is left to replay; else nobody knows:
    -- the age of the last transaction says nothing about a primary on which nothing is written.
    CASE
        WHEN a.is_behind AND pg_catalog.pg_last_wal_replay_lsn() < w.known_end AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_stat_get_activity(NULL) AS p
            WHERE p.backend_type = 'startup' AND p.wait_event IN ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')
        ) AND pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
            THEN EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - w.replayed_at)
        WHEN w.status = 'streaming' THEN 0
    END::pg_catalog.float8,
    EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - w.last_msg_receipt_time)::pg_catalog.float8,
    NULL, NULL, NULL
FROM again AS a
CROSS JOIN received AS w
